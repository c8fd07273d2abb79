// Random small networks of every operator, for tests of the passes and of whole forward passes.
#pragma once

#include <fovea/graph/builder.hpp>

#include <random>
#include <vector>

namespace fovea::test {

// A table whose graph follows from a seed: build_graph() pushes 6 to 40 nodes on a small image. The graph
// takes images that are more_rows by more_columns larger, too.
struct random_table {
    static constexpr int more_rows = 3;
    static constexpr int more_columns = 5;
    unsigned seed = 0;
};

class random_pusher {
public:
    explicit random_pusher(unsigned seed) : generator_(seed) {}

    template <class Builder>
    void push_all(Builder& b) {
        values_.push_back(b.input({below(9) + 4, below(9) + 4, below(12) + 1}));
        for (int count = 5 + below(35); count > 0; --count)
            values_.push_back(push(b, values_[any()]));
        emit(b);
    }

private:
    int below(int n) { return static_cast<int>(generator_() >> 8U) % n; }
    // An index of a value, mostly a late one.
    std::size_t any() {
        const int size = static_cast<int>(values_.size());
        return static_cast<std::size_t>(below(3) == 0 ? below(size) : size - 1 - below(size < 3 ? size : 3));
    }
    // A divisor of the channels.
    int some_groups(int channels) {
        int groups = 1 + below(channels);
        while (channels % groups != 0)
            --groups;
        return groups;
    }
    // Draws are ordered by statements: in which order arguments are evaluated depends on the compiler and its
    // target.
    window some_window(int kernel, int largest_stride, int largest_dilation = 1) {
        const int stride = 1 + below(largest_stride);
        const int dilation = 1 + below(largest_dilation);
        return below(2) == 0 ? window::same(kernel, stride, dilation)
                             : window::same_tf(kernel, stride, dilation);
    }
    activation some_activation() { return static_cast<activation>(below(8)); }

    template <class Builder>
    node_id push(Builder& b, node_id x) {
        const int name = b.child(0, b.node_count());
        const int channels = b.channels(x);
        const int kernel = 1 + 2 * below(3);
        switch (below(16)) {
        case 0:
            return convolution(b, x, name, some_window(kernel, 2));
        case 1:
            return b.conv2d(x, name, channels, some_window(kernel, 2, 2), channels);
        case 2:
            return b.conv2d(x, name, 1 + below(30), window{}, 1, true);
        case 3:
            return b.batch_norm(x, name, 1e-3F);
        case 4:
            return b.activate(x, name, some_activation());
        case 5:
            return below(2) == 0 ? b.dropout(x, name, 0.5F) : b.stochastic_depth(x, name, 0.5F);
        case 6:
            return gate(b, x, name);
        case 7:
            return b.global_average_pool(x, name);
        case 8:
            return pool(b, x, name, some_window(kernel, 2));
        case 9:
            return resize(b, x, name);
        case 10:
            return b.group_norm(x, name, some_groups(channels),
                                0.1F); // small variances would enlarge rounding errors
        case 11:
            return weighted_sum(b, x, name);
        case 12:
            return share(b, x, name);
        default:
            return add_or_residual(b, x, name);
        }
    }
    template <class Builder>
    node_id convolution(Builder& b, node_id x, int name, const window& w) {
        const int channels = 1 + below(20);
        return b.conv2d(x, name, channels, w, 1, below(2) == 0);
    }
    template <class Builder>
    node_id pool(Builder& b, node_id x, int name, const window& w) {
        const bool ceil_mode = below(2) == 0;
        const auto border = static_cast<pool_border>(below(2));
        return below(2) == 0 ? b.max_pool(x, name, w, ceil_mode, border)
                             : b.avg_pool(x, name, w, ceil_mode, border);
    }
    // Larger ones of small maps only, so that maps stay small.
    template <class Builder>
    node_id resize(Builder& b, node_id x, int name) {
        const resize_method method{static_cast<resize_method::mode_type>(below(3)), below(2) == 0};
        if (below(3) == 0 && b.shape_of(x).height * b.shape_of(x).width < 100)
            return b.resize_by(x, name, 1.5 + 0.5 * below(2), method);
        if (below(2) == 0)
            return b.resize_like(x, values_[any()], name, method);
        const int height = 1 + below(9);
        return b.resize_to(x, name, height, 1 + below(9), method);
    }
    template <class Builder>
    node_id gate(Builder& b, node_id x, int name) {
        node_id g = b.global_average_pool(x, name);
        if (below(2) == 0)
            g = b.activate(b.conv2d(g, b.child(0, b.node_count()), b.channels(x), window{}, 1, true), name,
                           activation::hardsigmoid);
        const node_id scaled = b.scale(x, g, name);
        return below(2) == 0 ? scaled
                             : b.conv2d(scaled, b.child(0, b.node_count()), 1 + below(20), window{}, 1, true);
    }
    // Whether two values have the same shape, and have it on larger images, too.
    template <class Builder>
    bool alike(const Builder& b, node_id x, node_id y) {
        const graph_view g = b.view();
        std::vector<shape> larger(static_cast<std::size_t>(g.size()));
        const shape own = g[0].out;
        infer_shapes(g, own.height + random_table::more_rows, own.width + random_table::more_columns, larger);
        return b.shape_of(x) == b.shape_of(y) &&
               larger[static_cast<std::size_t>(x)] == larger[static_cast<std::size_t>(y)];
    }
    // The sum with some value of the same shape, or with what a convolution makes of x itself.
    template <class Builder>
    node_id add_or_residual(Builder& b, node_id x, int name) {
        const node_id other = values_[any()];
        if (alike(b, other, x))
            return b.add(x, other, name);
        const node_id c = b.conv2d(x, name, b.channels(x), window::same(3), 1, true);
        return below(2) == 0 ? b.add(c, x, name)
                             : b.add(x, b.batch_norm(c, b.child(0, b.node_count()), 1e-3F), name);
    }
    // Of x, what a convolution makes of it and perhaps some value of the same shape.
    template <class Builder>
    node_id weighted_sum(Builder& b, node_id x, int name) {
        const node_id second = b.conv2d(x, name, b.channels(x), some_window(3, 1), 1, true);
        const node_id third = values_[any()];
        const bool three = alike(b, third, x);
        const int key = b.child(0, b.node_count());
        const int kind = below(4);
        const auto factors = static_cast<weighting>(kind);
        const node_id sum = kind == 3 ? (three ? b.sum({third, second, x}, key) : b.sum({x, second}, key))
                            : three   ? b.weighted_sum({second, x, third}, key, factors)
                                      : b.weighted_sum({second, x}, key, factors);
        return below(2) == 0 ? sum : b.activate(sum, key, some_activation());
    }
    // The last convolution of so many channels once more.
    template <class Builder>
    node_id share(Builder& b, node_id x, int name) {
        for (node_id i = b.node_count(); --i > 0;)
            if (b.view()[i].kind == op::conv2d && b.channels(b.view()[i].inputs[0]) == b.channels(x)) {
                const node_id y = b.conv2d_shared(x, i);
                return below(2) == 0 ? y : b.batch_norm(y, name, 1e-3F);
            }
        return b.activate(x, name, some_activation());
    }
    // The last value and two others, one of them of several parts.
    template <class Builder>
    void emit(Builder& b) {
        b.part(b.output("last", layout::map), values_.back());
        b.part(b.output("some", layout::map), values_[any()]);
        const int rows = b.output("parts", layout::vector);
        for (int i = 0; i < 3; ++i)
            b.part(rows, values_[any()]);
    }

    std::minstd_rand generator_;
    std::vector<node_id> values_;
};

template <class Builder>
void build_graph(Builder& b, const random_table& t) {
    random_pusher(t.seed * 7919 + 1).push_all(b);
}

} // namespace fovea::test
