// Max and average pooling against the scalar reference over ragged sizes.
#include "map_case.hpp"

#include <fovea/kernels/reference/pooling.hpp>

using namespace fovea;
using namespace fovea::test;

namespace {

struct pool_case {
    shape in;
    window win{};
    bool ceil_mode = false;
    pool_border border = pool_border::excluded;
};

layer layer_of(const pool_case& c) {
    layer l;
    l.win = c.win;
    l.border = c.border;
    l.in = padded_map(c.in);
    l.out = padded_map(reference::pool_out_shape(c.in, c.win, c.ceil_mode));
    return l;
}

template <class Pooling>
std::vector<float> pooled(const pool_case& c, const std::vector<float>& input, executor& ex) {
    return run_on_map<window_pool_kernel<Pooling>>(layer_of(c), input, ex);
}

void check(const pool_case& c) {
    const window& w = c.win;
    INFO(reference::text_of(c.in) << " window " << w.kernel_height << "x" << w.kernel_width << " stride "
                                  << w.stride_height << " pads " << w.pad_top << "," << w.pad_bottom
                                  << " dilation " << w.dilation << " ceil " << c.ceil_mode << " border "
                                  << static_cast<int>(c.border));
    const std::vector<float> input = random_numbers(c.in.size(), 3);
    const auto x = reference::make_map(input.data(), c.in);
    const shape out = reference::pool_out_shape(c.in, w, c.ceil_mode);
    std::vector<float> expected(out.size());
    sequential_executor sequential;
    reference::max_pool<float>(x, w, c.ceil_mode, c.border, reference::make_map(expected.data(), out));
    CHECK(pooled<kernel_detail::max_pooling>(c, input, sequential) == expected);
    reference::avg_pool<float>(x, w, c.ceil_mode, c.border, reference::make_map(expected.data(), out));
    check_close(pooled<kernel_detail::average_pooling>(c, input, sequential), expected);
}

} // namespace

TEST_CASE("pools agree with the reference for any number of channels") {
    for (int channels = 1; channels <= 50; ++channels)
        for (pool_border border : {pool_border::excluded, pool_border::zero})
            check({{5, 6, channels}, window::same(3, 2), true, border});
}

TEST_CASE("pools agree with the reference for any window") {
    for (int kernel = 1; kernel <= 5; ++kernel)
        for (int stride = 1; stride <= 3; ++stride)
            for (int before = 0; before <= kernel / 2; ++before)
                for (int after = 0; after <= kernel / 2; ++after)
                    for (bool ceil_mode : {false, true})
                        for (pool_border border : {pool_border::excluded, pool_border::zero})
                            for (int side : {5, 8, 11}) {
                                const window w{kernel, kernel, stride, stride, before,
                                               after,  after,  before, 1};
                                check({{side, side + 1, 9}, w, ceil_mode, border});
                            }
}

TEST_CASE("pools with TensorFlow's padding give ceil(side / stride) pixels") {
    for (int kernel : {2, 3, 5})
        for (int stride : {1, 2, 3})
            for (pool_border border : {pool_border::excluded, pool_border::zero})
                for (int height = 1; height <= 8; ++height)
                    for (int width : {3, 10, 11}) {
                        const window w = window::same_tf(kernel, stride).padded_for(height, width);
                        CHECK(reference::pool_out_shape({height, width, 9}, w, false) ==
                              shape{(height + stride - 1) / stride, (width + stride - 1) / stride, 9});
                        check({{height, width, 9}, w, false, border});
                    }
}

TEST_CASE("pools take uneven and dilated windows") {
    check({{9, 12, 20}, {2, 3, 2, 1, 1, 0, 0, 1, 1}, false, pool_border::zero});
    check({{9, 12, 20}, {3, 1, 1, 2, 0, 0, 1, 0, 1}, true, pool_border::excluded});
    check({{9, 12, 20}, {3, 3, 1, 1, 2, 2, 2, 2, 2}, false, pool_border::excluded});
    check({{9, 12, 20}, {3, 3, 2, 2, 2, 2, 1, 1, 2}, false, pool_border::zero});
}

TEST_CASE("pools give the same bits for any number of workers") {
    sequential_executor sequential;
    thread_executor threads(3);
    const pool_case c{{70, 40, 24}, window::same(3, 2), false, pool_border::zero};
    const std::vector<float> input = random_numbers(c.in.size(), 3);
    CHECK(pooled<kernel_detail::max_pooling>(c, input, threads) ==
          pooled<kernel_detail::max_pooling>(c, input, sequential));
    CHECK(pooled<kernel_detail::average_pooling>(c, input, threads) ==
          pooled<kernel_detail::average_pooling>(c, input, sequential));
}

TEST_CASE("the largest value keeps not-a-number and infinities") {
    sequential_executor sequential;
    const float nan = std::numeric_limits<float>::quiet_NaN(),
                infinity = std::numeric_limits<float>::infinity();
    const pool_case c{{1, 3, 1}, {1, 3, 1, 1, 0, 0, 0, 0, 1}};
    const auto largest = [&](std::vector<float> three) {
        return pooled<kernel_detail::max_pooling>(c, three, sequential)[0];
    };
    CHECK(std::isnan(largest({nan, 1, 2})));
    CHECK(std::isnan(largest({1, nan, 2})));
    CHECK(std::isnan(largest({1, infinity, nan})));
    CHECK(largest({1, infinity, 2}) == infinity);
    CHECK(largest({-infinity, -infinity, -infinity}) == -infinity);
    CHECK(largest({-infinity, -5, -infinity}) == -5);
}
