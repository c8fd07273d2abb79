// The output size of a convolution or pooling window along one axis; used by the graph and by the reference kernels.
#pragma once

namespace fovea {

// floor((in + pad - dilation (kernel - 1) - 1) / stride) + 1, or 0 when the window does not fit
// (torch.nn.Conv2d, "Shape"). Sizes in elements.
constexpr int out_size(int in, int kernel, int stride, int pad_before, int pad_after, int dilation = 1) noexcept {
    const int reach = dilation * (kernel - 1) + 1;
    const int room = in + pad_before + pad_after - reach;
    return room < 0 || stride < 1 ? 0 : room / stride + 1;
}

} // namespace fovea
