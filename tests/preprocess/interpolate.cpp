#include <fovea/preprocess/interpolate.hpp>

#include <catch2/catch.hpp>

#include "support/golden.hpp"

#include <string>
#include <vector>

using fovea::axis_map;
using fovea::interpolation_mode;
using fovea::map_axis;
using fovea::map_axis_scaled;
using fovea::view;

namespace {

// NCHW through the HWC function, a plane at a time.
fovea::test::array resize_planes(const fovea::test::array& x, interpolation_mode mode, const axis_map& rows,
                                 const axis_map& columns) {
    const std::size_t planes = x.shape[0] * x.shape[1];
    const std::vector<float> source(x.values.begin(), x.values.end());
    std::vector<float> out(planes * rows.output * columns.output);
    fovea::column_tables tables;
    for (std::size_t p = 0; p < planes; ++p)
        fovea::interpolate(
            mode, rows, columns,
            view<const float, 3>(source.data() + p * rows.input * columns.input,
                                 {rows.input, columns.input, 1}),
            view<float, 3>(out.data() + p * rows.output * columns.output, {rows.output, columns.output, 1}),
            tables);
    return {{x.shape[0], x.shape[1], rows.output, columns.output}, out};
}

// Output names are mode_HxW, corners_HxW, scale(d) with or without recomputed step.
void check_case(const fovea::test::golden_case& golden, const fovea::test::array& x, const std::string& name,
                interpolation_mode mode, bool corners = false) {
    const auto& want = golden.output(name);
    INFO(name);
    CHECK(compare(want, resize_planes(x, mode, map_axis(x.shape[2], want.shape[2], corners),
                                      map_axis(x.shape[3], want.shape[3], corners))));
}

} // namespace

TEST_CASE("interpolate agrees with torch") {
    const auto golden = fovea::test::own_golden("preprocess", "interpolate");
    const auto x = golden.input("plane");
    check_case(golden, x, "bilinear_8x3", interpolation_mode::bilinear);
    check_case(golden, x, "corners_9x13", interpolation_mode::bilinear, true);
    check_case(golden, x, "corners_1x1", interpolation_mode::bilinear, true);
    check_case(golden, x, "nearest_8x3", interpolation_mode::nearest);
    check_case(golden, x, "bicubic_8x3", interpolation_mode::bicubic);
    check_case(golden, x, "rescaled_1p7", interpolation_mode::bilinear);
    CHECK(compare(
        golden.output("scaled_1p7"),
        resize_planes(x, interpolation_mode::bilinear, map_axis_scaled(5, 1.7), map_axis_scaled(7, 1.7))));
}

TEST_CASE("interpolate agrees with the shared golden") {
    const auto golden = fovea::test::shared_golden("components", "resize");
    if (!golden)
        return;
    const auto x = golden->input("x");
    for (const auto& output : golden->outputs) {
        if (output.name.rfind("grad_", 0) == 0)
            continue;
        if (output.name == "scale_1p7_norecompute") {
            CHECK(compare(output,
                          resize_planes(x, interpolation_mode::bilinear, map_axis_scaled(x.shape[2], 1.7),
                                        map_axis_scaled(x.shape[3], 1.7))));
            continue;
        }
        const bool corners = output.name.find("corners") != std::string::npos;
        const auto mode = output.name.rfind("nearest", 0) == 0   ? interpolation_mode::nearest
                          : output.name.rfind("bicubic", 0) == 0 ? interpolation_mode::bicubic
                                                                 : interpolation_mode::bilinear;
        check_case(*golden, x, output.name, mode, corners);
    }
}

TEST_CASE("interpolate resizes interleaved channels like planes") {
    const std::size_t channels = 5;
    std::vector<float> interleaved(4 * 3 * channels), out(7 * 2 * channels);
    for (std::size_t i = 0; i < interleaved.size(); ++i)
        interleaved[i] = static_cast<float>((i * 37) % 23);
    fovea::column_tables tables;
    const axis_map rows = map_axis(4, 7), columns = map_axis(3, 2);
    fovea::interpolate(interpolation_mode::bicubic, rows, columns,
                       view<const float, 3>(interleaved.data(), {4, 3, channels}),
                       view<float, 3>(out.data(), {7, 2, channels}), tables);
    for (std::size_t c = 0; c < channels; ++c) {
        fovea::test::array plane{{1, 1, 4, 3}, std::vector<float>()};
        for (std::size_t i = 0; i < 12; ++i)
            plane.values.push_back(static_cast<double>(interleaved[i * channels + c]));
        const auto want = resize_planes(plane, interpolation_mode::bicubic, rows, columns);
        for (std::size_t i = 0; i < 14; ++i)
            CHECK(static_cast<double>(out[i * channels + c]) == want.values[i]);
    }
}

TEST_CASE("interpolate refuses shapes that contradict its axes") {
    std::vector<float> data(64);
    fovea::column_tables tables;
    const auto call = [&](std::array<std::size_t, 3> from, std::array<std::size_t, 3> to) {
        fovea::interpolate(interpolation_mode::bilinear, map_axis(4, 2), map_axis(4, 2),
                           view<const float, 3>(data.data(), from), view<float, 3>(data.data(), to), tables);
    };
    CHECK_THROWS_AS(call({4, 4, 1}, {2, 2, 2}), fovea::input_error);
    CHECK_THROWS_AS(call({4, 3, 1}, {2, 2, 1}), fovea::input_error);
    CHECK_THROWS_AS(call({4, 4, 1}, {2, 3, 1}), fovea::input_error);
    CHECK_THROWS_AS(call({0, 4, 1}, {2, 2, 1}), fovea::input_error);
    CHECK_THROWS_AS(call({4, 4, 0}, {2, 2, 0}), fovea::input_error);
}
