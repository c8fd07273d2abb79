#include <fovea/kernels/reference/conv.hpp>
#include <fovea/kernels/reference/pooling.hpp>

#include "finite_differences.hpp"
#include "support/golden.hpp"
#include "support/layout.hpp"

#include <catch2/catch.hpp>

#include <functional>

using namespace fovea;
using namespace fovea::test;

namespace {

using image_function = std::function<void(reference::map<const float>, reference::map<float>)>;

// The batch [count, channels, height, width] that f makes of the upper left corner of x, minus `subtract`.
array over_batch(const array& x, shape in, shape out, const image_function& f, float subtract = 0) {
    array result = make_batch(x.shape[0], out);
    std::vector<float> output(out.size());
    for (std::size_t n = 0; n < x.shape[0]; ++n) {
        const std::vector<float> image = image_of<float>(x, n);
        const auto whole = reference::make_map(image.data(), image_shape(x.shape));
        std::vector<float> cut;
        for (int y = 0; y < in.height; ++y)
            for (int column = 0; column < in.width; ++column)
                for (int c = 0; c < in.channels; ++c)
                    cut.push_back(whole(y, column, c) - subtract);
        f(reference::make_map<const float>(cut.data(), in), reference::make_map(output.data(), out));
        put_image(result, n, output);
    }
    return result;
}

struct pool {
    const char* name;
    bool average;
    window win;
    bool ceil_mode;
    pool_border border;
};

const pool pools[] = {
    {"max_2x2_ceil", false, {2, 2, 2, 2}, true, pool_border::excluded},
    {"max_2x2_floor", false, {2, 2, 2, 2}, false, pool_border::excluded},
    {"max_3x3_s1_p1", false, window::same(3), false, pool_border::excluded},
    {"max_1x1_s2", false, window::same(1, 2), false, pool_border::excluded},
    {"max_3x3_s2_p1_ceil", false, window::same(3, 2), true, pool_border::excluded},
    {"avg_3x3_s2_p1", true, window::same(3, 2), false, pool_border::zero},
    {"avg_3x3_nopadcount", true, window::same(3, 2), false, pool_border::excluded},
    {"avg_3x3_s2_p1_ceil", true, window::same(3, 2), true, pool_border::zero},
};

array run_pool(const array& x, const pool& p, float subtract = 0) {
    const shape in = image_shape(x.shape);
    const auto f = [&](reference::map<const float> input, reference::map<float> output) {
        p.average ? reference::avg_pool(input, p.win, p.ceil_mode, p.border, output)
                  : reference::max_pool(input, p.win, p.ceil_mode, p.border, output);
    };
    return over_batch(x, in, reference::pool_out_shape(in, p.win, p.ceil_mode), f, subtract);
}

window same_window(shape in, int kernel, int stride) {
    const auto rows = same_padding(in.height, kernel, stride),
               columns = same_padding(in.width, kernel, stride);
    return {kernel, kernel, stride, stride, rows.before, columns.before, rows.after, columns.after, 1};
}

array run_same_conv(const array& x, int kernel, int stride, shape in) {
    const std::size_t k = static_cast<std::size_t>(kernel), channels = static_cast<std::size_t>(in.channels);
    const std::string name = "pooling:same" + std::to_string(kernel) + std::to_string(stride) + ".conv";
    const auto weight = fill_value(name + ".weight", {4, channels, k, k}),
               bias = fill_value(name + ".bias", {4});
    const window win = same_window(in, kernel, stride);
    const auto f = [&](reference::map<const float> input, reference::map<float> output) {
        reference::conv2d<float>(input, {weight.data(), {4, channels, k, k}}, bias, win, 1, output);
    };
    return over_batch(x, in, reference::conv_out_shape(in, 4, win), f);
}

// Reads "<prefix><height>x<width>" into the shape of a resized or pooled map.
shape shape_after(const std::string& name, const std::string& prefix, int channels) {
    const std::string size = name.substr(prefix.size());
    return {std::stoi(size), std::stoi(size.substr(size.find('x') + 1)), channels};
}

bool starts_with(const std::string& text, const std::string& begin) {
    return text.compare(0, begin.size(), begin) == 0;
}

// The output called `name`, or nothing for a name that stands for no pool.
array run_named(const array& x, const std::string& name) {
    const shape in = image_shape(x.shape);
    for (const pool& p : pools)
        if (name == p.name)
            return run_pool(x, p);
    if (starts_with(name, "adaptive_avg_"))
        return over_batch(x, in, shape_after(name, "adaptive_avg_", in.channels),
                          reference::adaptive_avg_pool<float>);
    if (starts_with(name, "adaptive_max_"))
        return over_batch(x, in, shape_after(name, "adaptive_max_", in.channels),
                          reference::adaptive_max_pool<float>);
    if (name == "zylo_maxpool_same_negative")
        return run_pool(x, {"", false, same_window(in, 3, 2), false, pool_border::zero}, 2);
    if (name == "tf_maxpool_same_negative")
        return run_pool(x, {"", false, same_window(in, 3, 2), false, pool_border::excluded}, 2);
    const std::string same = "same_conv_k3_s2_";
    if (starts_with(name, "same_conv_k"))
        return run_same_conv(x, name[11] - '0', name[14] - '0', shape_after(name, same, in.channels));
    return {};
}

} // namespace

TEST_CASE("pools agree with torch") {
    std::vector<golden_case> cases{own_golden("kernels", "pooling")};
    if (auto shared = shared_golden("components", "pooling"))
        cases.push_back(*shared);
    for (const golden_case& golden : cases)
        for (const golden_output& output : golden.outputs)
            CHECK(compare(output, run_named(golden.input("x"), output.name)));
}

TEST_CASE("global average pooling is the mean of each channel") {
    const float x[] = {1, 10, 2, 20, 6, 60};
    float y[2];
    reference::global_average_pool<float>({x, {3, 1, 2}}, y);
    CHECK(y[0] == 3);
    CHECK(y[1] == 30);
}

TEST_CASE("pools refuse empty outputs and pass not-a-number on") {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const float x[] = {1, nan, -1, 3};
    float y = 0;
    reference::max_pool<float>({x, {2, 2, 1}}, {2, 2, 2, 2}, false, pool_border::excluded, {&y, {1, 1, 1}});
    CHECK(std::isnan(y));
    CHECK_THROWS_AS(
        reference::max_pool<float>({x, {2, 2, 1}}, {3, 3}, false, pool_border::excluded, {&y, {0, 0, 1}}),
        input_error);
    CHECK_THROWS_AS(
        reference::avg_pool<float>({x, {2, 2, 1}}, {1, 1}, false, pool_border::excluded, {&y, {1, 1, 1}}),
        input_error);
    CHECK_THROWS_AS(reference::adaptive_avg_pool<float>({x, {2, 2, 1}}, {&y, {0, 1, 1}}), input_error);
}

namespace {

// The gradient of a pool named as in pooling_gradients.json, for one image.
template <class T>
void backpropagate_named(const std::string& name, reference::map<const T> x, reference::map<const T> up,
                         reference::map<T> gx) {
    if (name == "global_average")
        reference::global_average_pool_backward<T>(up.flat(), gx);
    else if (name == "max_3x3_s2_zero_ties")
        reference::max_pool_backward<T>(x, window::same(3, 2), pool_border::zero, up, gx);
    else if (name.compare(0, 3, "max") == 0) {
        const window win = name == "max_2x2_ceil"         ? window{2, 2, 2, 2}
                           : name == "max_3x3_d2_p1"      ? window{3, 3, 1, 1, 1, 1, 1, 1, 2}
                           : name == "max_3x3_s1_p1_ties" ? window::same(3)
                                                          : window::same(3, 2);
        reference::max_pool_backward<T>(x, win, pool_border::excluded, up, gx);
    } else
        reference::avg_pool_backward<T>(
            window::same(3, 2), name == "avg_3x3_nopadcount" ? pool_border::excluded : pool_border::zero, up,
            gx);
}

shape pooled_shape(const std::string& name, shape in) {
    if (name == "global_average")
        return {1, 1, in.channels};
    if (name == "max_2x2_ceil")
        return reference::pool_out_shape(in, {2, 2, 2, 2}, true);
    if (name == "max_3x3_d2_p1")
        return reference::pool_out_shape(in, {3, 3, 1, 1, 1, 1, 1, 1, 2});
    if (name == "max_3x3_s1_p1_ties")
        return in;
    return reference::pool_out_shape(in, window::same(3, 2), name == "avg_3x3_s2_p1_ceil");
}

} // namespace

TEST_CASE("gradients of pools agree with torch, where numbers tie, too") {
    const golden_case golden = own_golden("kernels", "pooling_gradients");
    for (const golden_output& output : golden.outputs) {
        INFO(output.name);
        array x = golden.input("x");
        if (output.name.find("ties") != std::string::npos)
            for (double& v : x.values)
                v = std::nearbyint(v);
        const shape in = image_shape(x.shape), out = pooled_shape(output.name, in);
        array up = make_batch(x.shape[0], out), result = make_batch(x.shape[0], in);
        up = {up.shape, fill_input(up.shape, input_rule::sym2, "pooling_gradients:" + output.name)};
        for (std::size_t n = 0; n < x.shape[0]; ++n) {
            const std::vector<float> image = image_of<float>(x, n), upstream = image_of<float>(up, n);
            std::vector<float> gradient(in.size());
            backpropagate_named<float>(output.name, reference::make_map(image.data(), in),
                                       reference::make_map(upstream.data(), out),
                                       reference::make_map(gradient.data(), in));
            put_image(result, n, gradient);
        }
        CHECK(compare(output, result));
    }
}

TEST_CASE("gradients of pools are the differences of what they compute") {
    const shape in{5, 6, 2};
    std::vector<double> x(in.size());
    for (std::size_t i = 0; i < x.size(); ++i)
        x[i] = std::sin(static_cast<double>(i * i)); // no ties
    for (const pool& p : pools)
        for (const pool_border border : {pool_border::excluded, pool_border::zero}) {
            INFO(p.name);
            const shape out = reference::pool_out_shape(in, p.win, p.ceil_mode);
            std::vector<double> y(out.size()), up(out.size()), gradient(in.size());
            for (std::size_t i = 0; i < up.size(); ++i)
                up[i] = std::cos(static_cast<double>(i));
            const auto input = reference::make_map<const double>(x.data(), in);
            const auto upstream = reference::make_map<const double>(up.data(), out);
            const auto to = reference::make_map(gradient.data(), in);
            p.average ? reference::avg_pool_backward<double>(p.win, border, upstream, to)
                      : reference::max_pool_backward<double>(input, p.win, border, upstream, to);
            check_gradient("input", x, gradient, [&] {
                const auto output = reference::make_map(y.data(), out);
                p.average ? reference::avg_pool<double>(input, p.win, p.ceil_mode, border, output)
                          : reference::max_pool<double>(input, p.win, p.ceil_mode, border, output);
                return dot(y, up);
            });
        }
}
