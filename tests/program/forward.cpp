// Forward passes of random graphs against the reference kernels, node by node and unfused.
#include "support/random_graph.hpp"
#include "support/random_weights.hpp"

#include <fovea/kernels/reference/activation.hpp>
#include <fovea/kernels/reference/batch_norm.hpp>
#include <fovea/kernels/reference/conv.hpp>
#include <fovea/kernels/reference/elementwise.hpp>
#include <fovea/kernels/reference/linear.hpp>
#include <fovea/kernels/reference/pooling.hpp>
#include <fovea/kernels/reference/resize.hpp>
#include <fovea/program/runtime_program.hpp>
#include <fovea/program/thread_executor.hpp>

#include <catch2/catch.hpp>

#include <cmath>

using namespace fovea;
using namespace fovea::test;

namespace {

// A gate on the image itself, whose three channels are no whole vector.
struct gated_image {};

template <class Builder>
void build_graph(Builder& b, gated_image) {
    const node_id image = b.input({5, 3, 3});
    const node_id scaled = b.scale(image, b.global_average_pool(image, 0), 0);
    b.part(b.output("out", layout::map), b.conv2d(scaled, b.child(0, "conv"), 8, window{}, 1, true));
}

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
        if (n.kind == op::conv2d) {
            const std::vector<double> weight = parameter_of(i, "weight"), bias = parameter_of(i, "bias");
            const auto members = static_cast<std::size_t>(shapes_[at(n.inputs[0])].channels / n.groups);
            reference::conv2d<double>(map_of(n.inputs[0]),
                                      {weight.data(),
                                       {out_channels, members, static_cast<std::size_t>(n.win.kernel_height),
                                        static_cast<std::size_t>(n.win.kernel_width)}},
                                      bias, n.win, n.groups, map);
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
        } else if (n.kind == op::activate) {
            reference::activate<double>(n.act, x, out);
        } else if (n.kind == op::add) {
            reference::add<double>(x, values_[at(n.inputs[1])], out);
        } else if (n.kind == op::scale) {
            reference::scale<double>(map_of(n.inputs[0]), values_[at(n.inputs[1])], map);
        } else if (n.kind == op::global_average_pool) {
            reference::global_average_pool<double>(map_of(n.inputs[0]), out);
        } else if (n.kind == op::max_pool) {
            reference::max_pool<double>(map_of(n.inputs[0]), n.win, n.ceil_mode, n.border, map);
        } else if (n.kind == op::avg_pool) {
            reference::avg_pool<double>(map_of(n.inputs[0]), n.win, n.ceil_mode, n.border, map);
        } else if (n.kind == op::resize) {
            resize(n, x, out, shapes_[at(i)]);
        } else {
            out = x; // dropout
        }
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
std::vector<double> expected_output(graph_view g, std::size_t output,
                                    const std::vector<std::vector<double>>& values) {
    std::vector<double> expected;
    for (const output_part& p : g.parts)
        if (static_cast<std::size_t>(p.output) == output) {
            const auto& part = values[static_cast<std::size_t>(p.value)];
            expected.insert(expected.end(), part.begin(), part.end());
        }
    return expected;
}

void check_outputs(const network& net, const std::vector<std::vector<double>>& values, std::size_t image) {
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

} // namespace

TEST_CASE("an image may be gated before a pointwise convolution") {
    const runtime_program program(gated_image{});
    const state_dict weights = random_weights(program.graph(), 1);
    network net(program.view(), weights);
    std::minstd_rand generator;
    const std::vector<float> image = random_numbers(generator, net.input_shape().size(), -2, 2);
    net.forward(image.data());
    const std::vector<shape> shapes{{5, 3, 3}, {1, 1, 3}, {5, 3, 3}, {5, 3, 8}};
    check_outputs(net, interpreter(program.graph(), weights).run(image, shapes), 0);
}

TEST_CASE("random graphs compute what the reference computes, at their own and at other sizes") {
    thread_executor threads(3);
    for (unsigned seed = 0; seed < 300; ++seed) {
        INFO("seed " << seed);
        const runtime_program program(random_table{seed});
        const graph_view g = program.graph();
        const state_dict weights = random_weights(g, seed);
        network net(program.view(), weights);
        std::minstd_rand generator(seed + 99);
        const shape own = g[0].out;
        for (const shape& size : {own, shape{own.height + 3, own.width + 5, own.channels}}) {
            constexpr int batch = 2;
            const bool keep = seed % 3 == 0;
            net.plan(batch, size.height, size.width, keep);
            const std::vector<float> images = random_numbers(generator, batch * size.size(), -2, 2);
            net.forward(images.data());
            std::vector<shape> shapes;
            for (node_id i = 0; i < g.size(); ++i)
                shapes.push_back(net.shape_of(i));
            interpreter reference(g, weights);
            for (std::size_t n = 0; n < batch; ++n) {
                const auto first = images.begin() + static_cast<std::ptrdiff_t>(n * size.size());
                check_outputs(
                    net, reference.run({first, first + static_cast<std::ptrdiff_t>(size.size())}, shapes), n);
            }
            const std::vector<float> alone(net.output(0).begin(), net.output(0).end());
            network parallel(program.view(), weights);
            parallel.run_on(threads);
            parallel.plan(batch, size.height, size.width);
            parallel.forward(images.data());
            REQUIRE(std::equal(alone.begin(), alone.end(), parallel.output(0).begin()));
        }
    }
}
