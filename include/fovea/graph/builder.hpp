// The builder: blocks push nodes into it; each push infers the shape and checks what can be checked.
#pragma once

#include <fovea/graph/infer.hpp>

#include <initializer_list>

namespace fovea {

// Room for a graph under construction. Constexpr throughout; the first fault is kept and later pushes go on
// harmlessly.
template <std::size_t MaxNodes>
class builder {
public:
    static constexpr std::size_t max_nodes = MaxNodes;
    static constexpr std::size_t max_names = 2 * MaxNodes;
    static constexpr std::size_t max_outputs = 16;
    static constexpr std::size_t max_parts = 32;

    // Names: child(0, "features") is "features", child(that, 3) is "features.3".
    constexpr int child(int parent, std::string_view label) noexcept { return push_name({parent, label, 0}); }
    constexpr int child(int parent, int number) noexcept { return push_name({parent, {}, number}); }

    constexpr node_id input(shape s) noexcept {
        node n;
        n.out = s;
        if (s.height < 1 || s.width < 1 || s.channels < 1)
            fail({fault::table_value, 0, s.height < s.width ? s.height : s.width, 1});
        return push(n);
    }
    // Windows come by reference: g++ 12 with -O2 and AVX-512 loses some that are passed on the stack.
    constexpr node_id conv2d(node_id x, int name, int out_channels, const window& win, int groups = 1,
                             bool bias = false) noexcept {
        node n = unary(op::conv2d, x, name);
        n.out.channels = out_channels;
        n.win = win;
        n.groups = groups;
        n.bias = bias;
        return push(n);
    }
    // The convolution `like` once more, on another map with as many channels: window, groups, parameters and
    // their names are those of `like`.
    constexpr node_id conv2d_shared(node_id x, node_id like) noexcept {
        if (like < 0 || like >= node_count() ||
            nodes_[static_cast<std::size_t>(like)].kind != op::conv2d) {
            fail({fault::shared_layer, node_count(), like, 0});
            return push(unary(op::activate, x, 0));
        }
        node n = nodes_[static_cast<std::size_t>(like)];
        if (channels(x) != channels(n.inputs[0]))
            fail({fault::shared_channels, node_count(), channels(x), channels(n.inputs[0])});
        n.inputs[0] = x;
        n.shares = n.shares < 0 ? like : n.shares;
        return push(n);
    }
    constexpr node_id batch_norm(node_id x, int name, float epsilon) noexcept {
        node n = unary(op::batch_norm, x, name);
        n.epsilon = epsilon;
        return push(n);
    }
    constexpr node_id group_norm(node_id x, int name, int groups, float epsilon = 1e-5F) noexcept {
        node n = unary(op::group_norm, x, name);
        n.groups = groups;
        n.epsilon = epsilon;
        return push(n);
    }
    constexpr node_id activate(node_id x, int name, activation act) noexcept {
        node n = unary(op::activate, x, name);
        n.act = act;
        return push(n);
    }
    constexpr node_id add(node_id a, node_id b, int name) noexcept {
        return push(binary(op::add, a, b, name));
    }
    // BiFPN's fusion of two or three maps. Its parameter's key in the state dict is `name` itself, and is there
    // with weighting::none, too.
    constexpr node_id weighted_sum(std::initializer_list<node_id> maps, int name,
                                   weighting factors = weighting::fast) noexcept {
        return push(sum_of(maps, name, factors, true));
    }
    // The sum of two or three maps, without a parameter.
    constexpr node_id sum(std::initializer_list<node_id> maps, int name) noexcept {
        return push(sum_of(maps, name, weighting::none, false));
    }
    constexpr node_id scale(node_id x, node_id gate, int name) noexcept {
        return push(binary(op::scale, x, gate, name));
    }
    constexpr node_id global_average_pool(node_id x, int name) noexcept {
        return push(unary(op::global_average_pool, x, name));
    }
    constexpr node_id dropout(node_id x, int name, float probability) noexcept {
        node n = unary(op::dropout, x, name);
        n.dropout = probability;
        return push(n);
    }
    // torchvision's StochasticDepth, mode "row": whole images are dropped in training.
    constexpr node_id stochastic_depth(node_id x, int name, float probability) noexcept {
        node n = unary(op::stochastic_depth, x, name);
        n.dropout = probability;
        return push(n);
    }
    constexpr node_id linear(node_id x, int name, int out_features) noexcept {
        node n = unary(op::linear, x, name);
        n.out.channels = out_features;
        n.bias = true;
        return push(n);
    }
    // Pools take torch's defaults: max_pool2d, and avg_pool2d with count_include_pad.
    constexpr node_id max_pool(node_id x, int name, const window& win, bool ceil_mode = false,
                               pool_border border = pool_border::excluded) noexcept {
        return push(pool(op::max_pool, x, name, win, ceil_mode, border));
    }
    constexpr node_id avg_pool(node_id x, int name, const window& win, bool ceil_mode = false,
                               pool_border border = pool_border::zero) noexcept {
        return push(pool(op::avg_pool, x, name, win, ceil_mode, border));
    }
    // To a size that is the same for every input size; by a factor for height and width, rounded down; to the
    // height and width of `like`. The method's own factors are not looked at.
    constexpr node_id resize_to(node_id x, int name, int height, int width,
                                resize_method method = {}) noexcept {
        method.height_factor = method.width_factor = 0;
        node n = resized(x, -1, name, method);
        n.out.height = height;
        n.out.width = width;
        return push(n);
    }
    constexpr node_id resize_by(node_id x, int name, double factor, resize_method method = {}) noexcept {
        method.height_factor = method.width_factor = factor;
        return push(resized(x, -1, name, method));
    }
    constexpr node_id resize_like(node_id x, node_id like, int name, resize_method method = {}) noexcept {
        method.height_factor = method.width_factor = 0;
        return push(resized(x, like, name, method));
    }

    // Declares an output; its parts are given with part(), in order.
    constexpr int output(std::string_view name, layout arrangement, int row = 0,
                         bool per_class = false) noexcept {
        if (output_count_ == max_outputs) {
            fail({fault::too_many_outputs, node_count(), static_cast<int>(max_outputs), 0});
            return 0;
        }
        outputs_[output_count_] = {name, arrangement, row, per_class};
        return static_cast<int>(output_count_++);
    }
    constexpr void part(int output, node_id value) noexcept {
        const int row = outputs_[static_cast<std::size_t>(output)].row;
        if (row > 0 && channels(value) % row != 0)
            fail({fault::row_mismatch, value, channels(value), row});
        if (part_count_ == max_parts)
            fail({fault::too_many_outputs, node_count(), static_cast<int>(max_parts), 0});
        else
            parts_[part_count_++] = {output, value};
    }

    // Records a fault of the table itself. The first one stays.
    constexpr void fail(fault_report f) noexcept {
        if (fault_.kind == fault::none)
            fault_ = f;
    }

    constexpr shape shape_of(node_id x) const noexcept {
        return x < 0 || x >= node_count() ? shape{} : nodes_[static_cast<std::size_t>(x)].out;
    }
    constexpr int channels(node_id x) const noexcept { return shape_of(x).channels; }
    constexpr int node_count() const noexcept { return static_cast<int>(node_count_); }
    constexpr const fault_report& first_fault() const noexcept { return fault_; }

    constexpr graph_view view() const noexcept {
        return {{nodes_.data(), node_count_},
                {names_.data(), name_count_},
                {outputs_.data(), output_count_},
                {parts_.data(), part_count_}};
    }

private:
    static constexpr node unary(op kind, node_id x, int name) noexcept { return binary(kind, x, -1, name); }
    static constexpr node binary(op kind, node_id a, node_id b, int name) noexcept {
        node n;
        n.kind = kind;
        n.inputs = {a, b, -1};
        n.name = name;
        return n;
    }
    constexpr node sum_of(std::initializer_list<node_id> maps, int name, weighting factors,
                          bool weighted) noexcept {
        node n = unary(op::weighted_sum, -1, name);
        const int count = static_cast<int>(maps.size());
        if (count < 2 || count > 3)
            fail({fault::summands, node_count(), count, count < 2 ? 2 : 3});
        for (int i = 0; i < count && i < 3; ++i)
            n.inputs[static_cast<std::size_t>(i)] = maps.begin()[i];
        n.factors = factors;
        n.weighted = weighted;
        return n;
    }
    static constexpr node pool(op kind, node_id x, int name, const window& win, bool ceil_mode,
                               pool_border border) noexcept {
        node n = unary(kind, x, name);
        n.win = win;
        n.ceil_mode = ceil_mode;
        n.border = border;
        return n;
    }
    static constexpr node resized(node_id x, node_id like, int name, const resize_method& method) noexcept {
        node n = binary(op::resize, x, like, name);
        n.resize = method;
        return n;
    }
    constexpr int push_name(name_part part) noexcept {
        if (name_count_ == max_names) {
            fail({fault::too_many_names, node_count(), static_cast<int>(max_names), 0});
            return 0;
        }
        names_[name_count_] = part;
        return static_cast<int>(name_count_++);
    }
    constexpr node_id push(node n) noexcept {
        if (node_count_ == max_nodes) {
            fail({fault::too_many_nodes, node_count(), static_cast<int>(max_nodes), 0});
            return node_count() - 1;
        }
        for (node_id x : n.inputs)
            if (x >= node_count() || (x < 0 && x != -1))
                fail({fault::no_such_input, node_count(), x, node_count() - 1});
        const shape in = shape_of(n.inputs[0]);
        n.win = n.win.padded_for(in.height, in.width);
        fault_report f;
        n.out = infer_shape(n, {in, shape_of(n.inputs[1]), shape_of(n.inputs[2])}, f);
        if (f.kind != fault::none) {
            f.node = node_count();
            fail(f);
        }
        nodes_[node_count_] = n;
        return static_cast<node_id>(node_count_++);
    }

    std::array<node, max_nodes> nodes_{};
    std::array<name_part, max_names> names_{};
    std::array<struct output, max_outputs> outputs_{};
    std::array<output_part, max_parts> parts_{};
    std::size_t node_count_ = 0;
    std::size_t name_count_ = 1; // part 0 is the root
    std::size_t output_count_ = 0;
    std::size_t part_count_ = 0;
    fault_report fault_{};
};

} // namespace fovea
