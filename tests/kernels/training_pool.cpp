// Pools and resizes in training.
#include "training_map_case.hpp"

#include <fovea/kernels/reference/pooling.hpp>
#include <fovea/kernels/reference/resize.hpp>
#include <fovea/kernels/training/global_pool.hpp>
#include <fovea/kernels/training/resize.hpp>
#include <fovea/kernels/training/window_pool.hpp>

#include "support/golden.hpp"
#include "support/layout.hpp"

using namespace fovea;
using namespace fovea::test;

namespace {

map_problem pool_problem(op kind, int images, shape in, shape out) {
    map_problem p;
    p.kernel = kind == op::max_pool
                   ? training_pair<training_window_pool_kernel<kernel_detail::max_pool_gradient>>()
               : kind == op::avg_pool
                   ? training_pair<training_window_pool_kernel<kernel_detail::avg_pool_gradient>>()
               : kind == op::resize ? training_pair<training_resize_kernel>()
                                    : training_pair<training_global_average_pool_kernel>();
    p.layer.kind = kind;
    p.images = images;
    p.in = in;
    p.out = out;
    p.input = random_batch(static_cast<std::size_t>(images) * in.size(), 5);
    p.output_gradient = random_batch(static_cast<std::size_t>(images) * out.size());
    return p;
}

map_problem window_problem(op kind, int images, shape in, const window& w, bool ceil_mode,
                           pool_border border) {
    const window padded = w.padded_for(in.height, in.width);
    map_problem p = pool_problem(kind, images, in, reference::pool_out_shape(in, padded, ceil_mode));
    p.layer.win = padded;
    p.layer.ceil_mode = ceil_mode;
    p.layer.border = border;
    return p;
}

// f(input, output gradient, output, input gradient), maps of one image.
template <class Reference>
void check_pool(const map_problem& p, int at_once, const Reference& f) {
    batch_numbers y(p.output_gradient.size()), gx(p.input.size());
    if (!p.input_before.empty())
        gx = p.input_before;
    for (std::size_t n = 0; n < static_cast<std::size_t>(p.images); ++n)
        f(reference::make_map<const double>(p.input.data() + n * p.in.size(), p.in),
          reference::make_map<const double>(p.output_gradient.data() + n * p.out.size(), p.out),
          reference::make_map(y.data() + n * p.out.size(), p.out),
          reference::make_map(gx.data() + n * p.in.size(), p.in));
    sequential_executor ex;
    const map_results r = run_pair(p, ex, at_once);
    check_close("output", r.output, y, 2e-6);
    check_close("input gradient", r.input_gradient, gx, 2e-6);
}

using in_map = reference::map<const double>;
using out_map = reference::map<double>;

void check_window_pool(const map_problem& p, int at_once) {
    const training_layer& l = p.layer;
    check_pool(p, at_once, [&](in_map x, in_map up, out_map y, out_map gx) {
        if (l.kind == op::max_pool) {
            reference::max_pool<double>(x, l.win, l.ceil_mode, l.border, y);
            reference::max_pool_backward<double>(x, l.win, l.border, up, gx);
        } else {
            reference::avg_pool<double>(x, l.win, l.ceil_mode, l.border, y);
            reference::avg_pool_backward<double>(l.win, l.border, up, gx);
        }
    });
}

void check_global(const map_problem& p, int at_once) {
    check_pool(p, at_once, [&](in_map x, in_map up, out_map y, out_map gx) {
        reference::global_average_pool<double>(x, y.flat());
        reference::global_average_pool_backward<double>(up.flat(), gx);
    });
}

map_problem resize_problem(int images, shape in, shape out, const resize_method& method) {
    map_problem p = pool_problem(op::resize, images, in, out);
    p.layer.resize = method;
    return p;
}

// In float: which pixel is the nearest hangs on the rounding of positions.
void check_resize(const map_problem& p, int at_once) {
    check_pool(p, at_once, [&](in_map x, in_map up, out_map y, out_map gx) {
        const std::vector<float> input(x.data(), x.data() + x.size()),
            upstream(up.data(), up.data() + up.size());
        std::vector<float> output(y.size()), gradient(gx.size());
        reference::resize<float>(reference::make_map(input.data(), p.in), p.layer.resize,
                                 reference::make_map(output.data(), p.out));
        reference::resize_backward<float>(reference::make_map(upstream.data(), p.out), p.layer.resize,
                                          reference::make_map(gradient.data(), p.in));
        std::copy(output.begin(), output.end(), y.data());
        for (std::size_t i = 0; i < gradient.size(); ++i)
            gx.data()[i] += static_cast<double>(gradient[i]);
    });
}

const window pool_windows[] = {{2, 2, 2, 2},
                               window::same(3),
                               window::same(3, 2),
                               window::same(1, 2),
                               window::same(5, 2),
                               window::same_tf(3, 2),
                               window::same_tf(2),
                               {3, 2, 1, 2, 1, 0, 0, 1, 1},
                               {3, 3, 1, 1, 1, 1, 1, 1, 2}};

} // namespace

TEST_CASE("window pools in training agree with the reference") {
    for (op kind : {op::max_pool, op::avg_pool})
        for (const window& w : pool_windows)
            for (bool ceil_mode : {false, true})
                for (pool_border border : {pool_border::excluded, pool_border::zero})
                    for (const shape& in : {shape{5, 6, 3}, {9, 8, 20}, {12, 5, 41}}) {
                        INFO(name_of(kind) << " " << w.kernel_height << "x" << w.kernel_width << " stride "
                                           << w.stride_height << " ceil " << ceil_mode << " border "
                                           << static_cast<int>(border) << " on " << reference::text_of(in));
                        map_problem p = window_problem(kind, 3, in, w, ceil_mode, border);
                        for (double& x : p.input) // with ties, also with the padding's zeros
                            x = std::nearbyint(x);
                        check_window_pool(p, 2);
                        p.input_before = random_batch(p.input.size());
                        check_window_pool(p, 3);
                    }
}

TEST_CASE("a window of numbers that are all below the padding's zero gives no gradient") {
    sequential_executor ex;
    map_problem p = window_problem(op::max_pool, 1, {2, 2, 1}, window::same(3), false, pool_border::zero);
    p.input = {-1, -2, -3, -4};
    CHECK(run_pair(p, ex, 1).input_gradient == batch_numbers(4));
}

TEST_CASE("the global mean in training agrees with the reference") {
    for (int channels : {1, 7, 8, 9, 24, 40, 130})
        for (const shape& map : {shape{1, 1, 0}, {1, 3, 0}, {7, 7, 0}, {40, 41, 0}}) {
            map_problem p =
                pool_problem(op::global_average_pool, 3, {map.height, map.width, channels}, {1, 1, channels});
            check_global(p, 2);
            p.input_before = random_batch(p.input.size());
            check_global(p, 3);
        }
}

TEST_CASE("resizes in training agree with the reference") {
    using mode = resize_method::mode_type;
    for (mode m : {mode::nearest, mode::bilinear, mode::bicubic})
        for (bool corners : {false, true})
            for (const shape& out : {shape{12, 10, 0}, {3, 4, 0}, {1, 1, 0}, {5, 13, 0}})
                for (int channels : {1, 8, 20, 37}) {
                    map_problem p =
                        resize_problem(3, {6, 5, channels}, {out.height, out.width, channels}, {m, corners});
                    check_resize(p, 2);
                    p.input_before = random_batch(p.input.size());
                    check_resize(p, 3);
                }
    check_resize(resize_problem(1, {7, 9, 5}, {11, 15, 5}, {mode::bilinear, false, 1.7, 1.7}), 1);
}

TEST_CASE("pools and resizes in training are the same bits in any order") {
    const shape in{39, 37, 72};
    check_order_does_not_matter(
        window_problem(op::max_pool, 3, in, window::same(3, 2), false, pool_border::excluded));
    check_order_does_not_matter(
        window_problem(op::avg_pool, 3, in, window::same(3), false, pool_border::zero));
    check_order_does_not_matter(pool_problem(op::global_average_pool, 3, in, {1, 1, in.channels}));
    check_order_does_not_matter(resize_problem(3, in, {45, 50, in.channels}, {}));
}

TEST_CASE("gradients of pools and resizes in training agree with torch") {
    const auto run = [](map_problem p, const array& x, const array& up) {
        p.input = {};
        p.output_gradient = {};
        for (std::size_t n = 0; n < x.shape[0]; ++n) {
            const std::vector<double> image = image_of<double>(x, n), gradient = image_of<double>(up, n);
            p.input.insert(p.input.end(), image.begin(), image.end());
            p.output_gradient.insert(p.output_gradient.end(), gradient.begin(), gradient.end());
        }
        sequential_executor ex;
        const map_results r = run_pair(p, ex, 1);
        array result{x.shape, r.input_gradient};
        for (std::size_t n = 0; n < x.shape[0]; ++n) {
            const auto begin = r.input_gradient.begin() + static_cast<std::ptrdiff_t>(n * p.in.size());
            put_image(result, n,
                      std::vector<double>(begin, begin + static_cast<std::ptrdiff_t>(p.in.size())));
        }
        return result;
    };
    const golden_case pools = own_golden("kernels", "pooling_gradients");
    array x = pools.input("x");
    for (double& v : x.values)
        v = std::nearbyint(v); // of the cases with ties
    for (const auto& [name, w, border] :
         {std::tuple{"max_3x3_s1_p1_ties", window::same(3), pool_border::excluded},
          std::tuple{"max_3x3_s2_zero_ties", window::same(3, 2), pool_border::zero}}) {
        const map_problem p = window_problem(op::max_pool, 2, image_shape(x.shape), w, false, border);
        const array up = make_batch(2, p.out);
        CHECK(compare(pools.output(name),
                      run(p, x,
                          {up.shape, fill_input(up.shape, input_rule::sym2,
                                                std::string("pooling_gradients:") + name)})));
    }
    const auto shared = shared_golden("components", "resize");
    if (!shared)
        return;
    const array y = shared->input("x");
    for (const auto& [name, height, width, mode] :
         {std::tuple{"grad_bilinear_20x31", 20, 31, resize_method::mode_type::bilinear},
          std::tuple{"grad_nearest_10x12", 10, 12, resize_method::mode_type::nearest}}) {
        const map_problem p = resize_problem(2, image_shape(y.shape), {height, width, 3}, {mode});
        const array up = make_batch(2, p.out);
        CHECK(compare(shared->output(name),
                      run(p, y, {up.shape, fill_input(up.shape, input_rule::sym2, "resize:upstream")})));
    }
}
