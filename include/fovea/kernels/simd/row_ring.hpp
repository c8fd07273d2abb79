// The input rows under a window, copied with zeros around them, so that no kernel over them knows of edges.
#pragma once

#include <fovea/kernels/layer.hpp>
#include <fovea/kernels/simd/bytes.hpp>

#include <cstring>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

inline constexpr int max_kernel_rows = 7;

// Keeps the last kernel_height rows of the input, dense, from the leftmost to the rightmost window. Bytes are
// scaled as they are copied: the zeros around the image stay zeros.
class row_ring {
public:
    // `memory`: floats(l).
    row_ring(const layer& l, const operands& o, float* memory) noexcept
        : l_(l), o_(o), scaler_(o.bytes == nullptr ? pixel_scaling{} : *o.scaling, l.in.channels),
          memory_(memory), zeros_(memory + slot_floats(l) * l.win.kernel_height) {
        std::fill_n(zeros_, slot_floats(l), 0.0F);
    }
    static constexpr std::size_t floats(const layer& l) noexcept {
        return static_cast<std::size_t>(slot_floats(l)) * static_cast<std::size_t>(l.win.kernel_height + 1);
    }
    // Rows under the windows of output row y, from the first window's left edge. y grows from call to call.
    const float* const* move_to(int y) noexcept {
        for (int ky = 0; ky < l_.win.kernel_height; ++ky) {
            const int row = y * l_.win.stride_height - l_.win.pad_top + ky;
            const bool inside = row >= 0 && row < l_.in.height;
            float* slot = memory_ + slot_floats(l_) * (inside ? row % l_.win.kernel_height : 0);
            if (inside && row >= next_) {
                load(row, slot);
                next_ = row + 1;
            }
            rows_[ky] = inside ? slot : zeros_;
        }
        return rows_;
    }

private:
    // Pixels from the first window's left edge to the last window's right one.
    static constexpr int span_of(const layer& l) noexcept {
        return (l.out.width - 1) * l.win.stride_width + l.win.kernel_width;
    }
    static constexpr std::ptrdiff_t slot_floats(const layer& l) noexcept {
        return static_cast<std::ptrdiff_t>(span_of(l)) * l.in.channels;
    }
    void load(int row, float* slot) noexcept {
        const int channels = l_.in.channels, left = std::min(l_.win.pad_left, span_of(l_));
        const int pixels = std::min(l_.in.width, span_of(l_) - left);
        float* const first = std::fill_n(slot, left * channels, 0.0F);
        float* const end = first + static_cast<std::ptrdiff_t>(pixels) * channels;
        const std::ptrdiff_t pixel = static_cast<std::ptrdiff_t>(row) * l_.in.width;
        if (o_.bytes != nullptr)
            scaler_(o_.bytes + pixel * channels, pixels * channels, first);
        else if (l_.in.stride == channels)
            std::copy_n(o_.input + pixel * channels, pixels * channels, first);
        else
            for (int x = 0; x < pixels; ++x)
                std::copy_n(o_.input + (pixel + x) * l_.in.stride, channels, first + x * channels);
        std::fill(end, slot + slot_floats(l_), 0.0F);
    }

    const layer& l_;
    const operands& o_;
    pixel_scaler scaler_;
    float* memory_;
    float* zeros_;
    int next_ = 0; // input rows before it have been loaded
    array_of<const float*, max_kernel_rows> rows_;
};

} // namespace kernel_detail

FOVEA_ARCH_NAMESPACE_END
