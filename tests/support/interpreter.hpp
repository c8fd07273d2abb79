// Forward passes by the reference kernels, node by node and unfused, in double: what networks are compared
// with.
#pragma once

#include <fovea/io/state_dict.hpp>
#include <fovea/kernels/reference/activation.hpp>
#include <fovea/kernels/reference/batch_norm.hpp>
#include <fovea/kernels/reference/conv.hpp>
#include <fovea/kernels/reference/elementwise.hpp>
#include <fovea/kernels/reference/linear.hpp>
#include <fovea/kernels/reference/norm.hpp>
#include <fovea/kernels/reference/pooling.hpp>
#include <fovea/kernels/reference/resize.hpp>
#include <fovea/kernels/reference/weighted_sum.hpp>
#include <fovea/program/network.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace fovea::test {

// Every node's value in double, from the state dict as it is.
class interpreter {
public:
    interpreter(graph_view g, const state_dict& weights) : g_(g), weights_(weights) {}

    std::vector<std::vector<double>> run(const std::vector<float>& image, span<const shape> shapes) {
        shapes_ = shapes;
        values_.assign(static_cast<std::size_t>(g_.size()), {});
        values_[0].assign(image.begin(), image.end());
        for (node_id i = 1; i < g_.size(); ++i) {
            values_[at(i)].resize(shapes_[at(i)].size());
            evaluate(i);
        }
        return values_;
    }

private:
    static std::size_t at(node_id i) { return static_cast<std::size_t>(i); }
    std::vector<double> parameter_of(node_id i, const char* suffix) const {
        const tensor* t = weights_.find(full_name(g_.names, g_[i].name, suffix).str());
        return t == nullptr ? std::vector<double>() : std::vector<double>(t->values.begin(), t->values.end());
    }
    reference::map<const double> map_of(node_id i) {
        return reference::make_map<const double>(values_[at(i)].data(), shapes_[at(i)]);
    }
    void evaluate(node_id i) {
        const node& n = g_[i];
        std::vector<double>& out = values_[at(i)];
        const auto map = reference::make_map(out.data(), shapes_[at(i)]);
        const std::vector<double>& x = values_[at(n.inputs[0])];
        const auto out_channels = static_cast<std::size_t>(n.out.channels);
        const shape& in = shapes_[at(n.inputs[0])];
        const window win = n.win.padded_for(in.height, in.width);
        if (n.kind == op::conv2d) {
            const std::vector<double> weight = parameter_of(i, "weight"), bias = parameter_of(i, "bias");
            const auto members = static_cast<std::size_t>(shapes_[at(n.inputs[0])].channels / n.groups);
            reference::conv2d<double>(map_of(n.inputs[0]),
                                      {weight.data(),
                                       {out_channels, members, static_cast<std::size_t>(n.win.kernel_height),
                                        static_cast<std::size_t>(n.win.kernel_width)}},
                                      bias, win, n.groups, map);
        } else if (n.kind == op::linear) {
            const std::vector<double> weight = parameter_of(i, "weight"), bias = parameter_of(i, "bias");
            reference::linear<double>(x, {weight.data(), {out_channels, x.size()}}, bias, out);
        } else if (n.kind == op::batch_norm) {
            const auto gamma = parameter_of(i, "weight"), beta = parameter_of(i, "bias"),
                       mean = parameter_of(i, "running_mean"), var = parameter_of(i, "running_var");
            for (std::size_t k = 0; k < out.size(); ++k) {
                const std::size_t c = k % out_channels;
                out[k] = (x[k] - mean[c]) / std::sqrt(var[c] + static_cast<double>(n.epsilon)) * gamma[c] +
                         beta[c];
            }
        } else if (n.kind == op::group_norm) {
            const std::vector<double> gamma = parameter_of(i, "weight"), beta = parameter_of(i, "bias");
            const std::array<std::size_t, 2> rows{x.size() / out_channels, out_channels};
            reference::group_norm<double>({x.data(), rows}, n.groups, gamma, beta,
                                          static_cast<double>(n.epsilon), {out.data(), rows});
        } else if (n.kind == op::activate) {
            reference::activate<double>(n.act, x, out);
        } else if (n.kind == op::add) {
            reference::add<double>(x, values_[at(n.inputs[1])], out);
        } else if (n.kind == op::scale) {
            reference::scale<double>(map_of(n.inputs[0]), values_[at(n.inputs[1])], map);
        } else if (n.kind == op::global_average_pool) {
            reference::global_average_pool<double>(map_of(n.inputs[0]), out);
        } else if (n.kind == op::max_pool) {
            reference::max_pool<double>(map_of(n.inputs[0]), win, n.ceil_mode, n.border, map);
        } else if (n.kind == op::avg_pool) {
            reference::avg_pool<double>(map_of(n.inputs[0]), win, n.ceil_mode, n.border, map);
        } else if (n.kind == op::weighted_sum) {
            weighted_sum(i, out);
        } else if (n.kind == op::resize) {
            resize(n, x, out, shapes_[at(i)]);
        } else {
            out = x; // dropout, stochastic depth
        }
    }

    void weighted_sum(node_id i, std::vector<double>& out) {
        const node& n = g_[i];
        std::vector<span<const double>> maps;
        for (node_id x : n.inputs)
            if (x >= 0)
                maps.push_back(values_[at(x)]);
        std::vector<double> weight = n.weighted ? parameter_of(i, "") : std::vector<double>(maps.size());
        reference::weighted_sum<double>(maps, n.factors, weight, out);
    }
    // In float, as positions are: which pixel is the nearest hangs on their rounding.
    void resize(const node& n, const std::vector<double>& x, std::vector<double>& out, shape size) {
        const std::vector<float> input(x.begin(), x.end());
        std::vector<float> output(out.size());
        reference::resize<float>(reference::make_map(input.data(), shapes_[at(n.inputs[0])]), n.resize,
                                 reference::make_map(output.data(), size));
        out.assign(output.begin(), output.end());
    }

    graph_view g_;
    const state_dict& weights_;
    span<const shape> shapes_;
    std::vector<std::vector<double>> values_;
};

// The parts of an output, one after the other.
inline std::vector<double> expected_output(graph_view g, std::size_t output,
                                           const std::vector<std::vector<double>>& values) {
    std::vector<double> expected;
    for (const output_part& p : g.parts)
        if (static_cast<std::size_t>(p.output) == output) {
            const auto& part = values[static_cast<std::size_t>(p.value)];
            expected.insert(expected.end(), part.begin(), part.end());
        }
    return expected;
}

inline void check_outputs(const network& net, const std::vector<std::vector<double>>& values,
                          std::size_t image) {
    const graph_view g = net.program().graph;
    double largest = 1;
    for (const auto& value : values)
        for (double x : value)
            largest = std::max(largest, std::abs(x));
    for (std::size_t o = 0; o < g.outputs.size(); ++o) {
        const std::vector<double> expected = expected_output(g, o, values);
        REQUIRE(net.output_floats(o) == expected.size());
        const float* got = net.output(o).data() + image * expected.size();
        for (std::size_t i = 0; i < expected.size(); ++i)
            REQUIRE(std::abs(static_cast<double>(got[i]) - expected[i]) <= 1e-5 * largest);
    }
}

} // namespace fovea::test
