// Resizing against the scalar reference over ragged sizes.
#include "map_case.hpp"

#include <fovea/kernels/reference/resize.hpp>

using namespace fovea;
using namespace fovea::test;

namespace {

using mode_type = resize_method::mode_type;

layer layer_of(shape in, int height, int width, const resize_method& method) {
    layer l;
    l.resize = method;
    l.in = padded_map(in);
    l.out = padded_map({height, width, in.channels});
    return l;
}

void check(shape in, int height, int width, const resize_method& method) {
    INFO(reference::text_of(in) << " to " << height << "x" << width << " mode "
                                << static_cast<int>(method.mode) << " corners " << method.align_corners
                                << " factor " << method.height_factor);
    const std::vector<float> input = random_numbers(in.size(), 3);
    const shape out{height, width, in.channels};
    std::vector<float> expected(out.size());
    reference::resize<float>(reference::make_map(input.data(), in), method,
                             reference::make_map(expected.data(), out));
    sequential_executor sequential;
    const std::vector<float> got =
        run_on_map<resize_kernel>(layer_of(in, height, width, method), input, sequential);
    if (method.mode == mode_type::nearest)
        CHECK(got == expected);
    else
        check_close(got, expected);
}

} // namespace

TEST_CASE("resizes agree with the reference for any number of channels") {
    for (mode_type mode : {mode_type::nearest, mode_type::bilinear, mode_type::bicubic})
        for (int channels = 1; channels <= 50; ++channels)
            check({3, 4, channels}, 7, 5, {mode});
}

TEST_CASE("resizes agree with the reference from any size to any other") {
    for (mode_type mode : {mode_type::nearest, mode_type::bilinear, mode_type::bicubic})
        for (bool corners : {false, true})
            for (int in = 1; in <= 9; ++in)
                for (int out = 1; out <= 20; ++out)
                    check({in, 10 - in, 10}, out, 21 - out, {mode, corners});
}

TEST_CASE("a given factor is what torch samples by") {
    for (mode_type mode : {mode_type::nearest, mode_type::bilinear, mode_type::bicubic})
        for (double factor : {0.3, 0.5, 1.0, 1.7, 2.0, 3.0}) {
            const auto side = [&](int in) { return static_cast<int>(in * factor); };
            check({10, 13, 12}, side(10), side(13), {mode, false, factor, factor});
        }
}

TEST_CASE("resizes give the same bits for any number of workers") {
    sequential_executor sequential;
    thread_executor threads(3);
    const shape in{20, 31, 24};
    const std::vector<float> input = random_numbers(in.size(), 3);
    for (mode_type mode : {mode_type::nearest, mode_type::bilinear, mode_type::bicubic}) {
        const layer l = layer_of(in, 61, 50, {mode});
        CHECK(run_on_map<resize_kernel>(l, input, threads) ==
              run_on_map<resize_kernel>(l, input, sequential));
    }
}
