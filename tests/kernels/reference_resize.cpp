#include <fovea/kernels/reference/resize.hpp>

#include "support/golden.hpp"
#include "support/layout.hpp"

#include <catch2/catch.hpp>

using namespace fovea;
using namespace fovea::test;

namespace {

resize_method method_of(const std::string& name) {
    resize_method method;
    if (name.find("nearest") != std::string::npos)
        method.mode = resize_method::mode_type::nearest;
    if (name.find("bicubic") != std::string::npos)
        method.mode = resize_method::mode_type::bicubic;
    method.align_corners = name.find("corners") != std::string::npos;
    if (name == "scale_1p7_norecompute")
        method.height_factor = method.width_factor = 1.7;
    return method;
}

array resize_batch(const array& x, const resize_method& method, shape out) {
    array result = make_batch(x.shape[0], out);
    std::vector<float> output(out.size());
    for (std::size_t n = 0; n < x.shape[0]; ++n) {
        const std::vector<float> image = image_of<float>(x, n);
        reference::resize<float>(reference::make_map(image.data(), image_shape(x.shape)), method,
                                 reference::make_map(output.data(), out));
        put_image(result, n, output);
    }
    return result;
}

// The gradient of shape `in` for the upstream gradient that both goldens draw.
array resize_batch_backward(const shape_type& batch, const resize_method& method, shape out) {
    const shape in = image_shape(batch);
    const array y = make_batch(batch[0], out);
    const array up(y.shape, fill_input(y.shape, input_rule::sym2, "resize:upstream"));
    array result = make_batch(batch[0], in);
    std::vector<float> gradient(in.size());
    for (std::size_t n = 0; n < batch[0]; ++n) {
        const std::vector<float> upstream = image_of<float>(up, n);
        reference::resize_backward<float>(reference::make_map(upstream.data(), out), method,
                                          reference::make_map(gradient.data(), in));
        put_image(result, n, gradient);
    }
    return result;
}

// "grad_bilinear_20x31" is the gradient through a resize to 20x31.
shape size_in_name(const std::string& name, int channels) {
    const std::string size = name.substr(name.rfind('_') + 1);
    return {std::stoi(size), std::stoi(size.substr(size.find('x') + 1)), channels};
}

} // namespace

TEST_CASE("resizes and their adjoints agree with torch") {
    std::vector<golden_case> cases{own_golden("kernels", "resize")};
    if (auto shared = shared_golden("components", "resize"))
        cases.push_back(*shared);
    for (const golden_case& golden : cases) {
        const array x = golden.input("x");
        for (const golden_output& output : golden.outputs) {
            const resize_method method = method_of(output.name);
            const int channels = static_cast<int>(x.shape[1]);
            const bool backward = output.name.compare(0, 5, "grad_") == 0;
            CHECK(compare(
                output, backward ? resize_batch_backward(x.shape, method, size_in_name(output.name, channels))
                                 : resize_batch(x, method, image_shape(output.shape))));
        }
    }
}

TEST_CASE("resize_backward is the adjoint of resize for every mode") {
    using mode_type = resize_method::mode_type;
    for (mode_type mode : {mode_type::nearest, mode_type::bilinear, mode_type::bicubic})
        for (shape out : {shape{1, 1, 2}, shape{3, 9, 2}, shape{11, 4, 2}}) {
            const shape in{5, 6, 2};
            const resize_method method{mode};
            const auto drawn_x = fill_input({in.size()}, input_rule::sym2, "x");
            const auto drawn_u = fill_input({out.size()}, input_rule::sym2, "u");
            const std::vector<double> x(drawn_x.begin(), drawn_x.end()), u(drawn_u.begin(), drawn_u.end());
            std::vector<double> y(out.size()), g(in.size());
            reference::resize<double>(reference::make_map(x.data(), in), method,
                                      reference::make_map(y.data(), out));
            reference::resize_backward<double>(reference::make_map(u.data(), out), method,
                                               reference::make_map(g.data(), in));
            double forward = 0, backward = 0;
            for (std::size_t i = 0; i < y.size(); ++i)
                forward += y[i] * u[i];
            for (std::size_t i = 0; i < x.size(); ++i)
                backward += x[i] * g[i];
            CHECK(forward == Approx(backward));
        }
}

TEST_CASE("resize refuses empty maps and other channels") {
    const float x[4] = {};
    float y[8];
    CHECK_THROWS_AS(reference::resize<float>({x, {0, 2, 1}}, {}, {y, {2, 2, 1}}), input_error);
    CHECK_THROWS_AS(reference::resize<float>({x, {2, 2, 1}}, {}, {y, {0, 2, 1}}), input_error);
    CHECK_THROWS_AS(reference::resize<float>({x, {2, 2, 1}}, {}, {y, {2, 2, 2}}), input_error);
}
