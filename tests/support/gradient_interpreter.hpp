// Forward and backward passes of a batch by the reference kernels, node by node in double and without sharing any
// memory: what training networks are compared with.
#pragma once

#include <fovea/io/state_dict.hpp>
#include <fovea/kernels/reference/activation.hpp>
#include <fovea/kernels/reference/conv.hpp>
#include <fovea/kernels/reference/elementwise.hpp>
#include <fovea/kernels/reference/linear.hpp>
#include <fovea/kernels/reference/norm.hpp>
#include <fovea/kernels/reference/pooling.hpp>
#include <fovea/kernels/reference/resize.hpp>
#include <fovea/kernels/reference/weighted_sum.hpp>
#include <fovea/train/flat_weights.hpp>

#include <map>
#include <string>
#include <vector>

namespace fovea::test {

using doubles = std::vector<double>;

// Dropout lets everything through. Batch-norms take the batch's statistics unless `running`.
class gradient_interpreter {
public:
    gradient_interpreter(graph_view g, const state_dict& weights, std::vector<shape> shapes, bool running)
        : g_(g), shapes_(std::move(shapes)), running_(running) {
        for (const tensor& t : weights)
            weights_[t.name].assign(t.values.begin(), t.values.end());
    }

    // images: one vector an image. Fills values.
    void forward(const std::vector<doubles>& images) {
        values.assign(static_cast<std::size_t>(g_.size()), images);
        for (node_id i = 1; i < g_.size(); ++i) {
            for (doubles& image : values[at(i)])
                image.assign(shapes_[at(i)].size(), 0);
            forward_node(i);
        }
    }
    // `upstream` by output, then by image: the parts one after the other. Fills gradients.
    void backward(const std::vector<std::vector<doubles>>& upstream) {
        gradients.assign(values.size(), {});
        for (std::size_t i = 0; i < values.size(); ++i)
            gradients[i].assign(values[i].size(), doubles(values[i][0].size(), 0));
        std::vector<std::size_t> place(g_.outputs.size(), 0);
        for (const output_part& p : g_.parts) {
            const auto o = static_cast<std::size_t>(p.output);
            for (std::size_t n = 0; n < gradients[at(p.value)].size(); ++n)
                for (std::size_t k = 0; k < gradients[at(p.value)][n].size(); ++k)
                    gradients[at(p.value)][n][k] += upstream[o][n][place[o] + k];
            place[o] += shapes_[at(p.value)].size();
        }
        for (node_id i = g_.size(); --i > 0;)
            backward_node(i);
    }

    std::vector<std::vector<doubles>> values, gradients; // by node, then by image
    std::map<std::string, doubles> parameter_gradients;  // by key

private:
    static std::size_t at(int i) { return static_cast<std::size_t>(i); }
    std::string key(node_id i, const char* suffix) const { return full_name(g_.names, g_[i].name, suffix).str(); }
    const doubles& parameter(node_id i, const char* suffix) { return weights_[key(i, suffix)]; }
    doubles& parameter_gradient(node_id i, const char* suffix) {
        doubles& g = parameter_gradients[key(i, suffix)];
        g.resize(parameter(i, suffix).size());
        return g;
    }
    reference::map<const double> value(node_id i, std::size_t n) {
        return reference::make_map<const double>(values[at(i)][n].data(), shapes_[at(i)]);
    }
    reference::map<double> writable(std::vector<std::vector<doubles>>& all, node_id i, std::size_t n) {
        return reference::make_map(all[at(i)][n].data(), shapes_[at(i)]);
    }
    reference::conv_weight<const double> conv_weight(node_id i) {
        const node& n = g_[i];
        const auto members = at(g_[n.inputs[0]].out.channels / n.groups);
        return {parameter(i, "weight").data(),
                {at(n.out.channels), members, at(n.win.kernel_height), at(n.win.kernel_width)}};
    }
    // All pixels of the batch, one after the other.
    doubles pixels_of(const std::vector<doubles>& images) const {
        doubles all;
        for (const doubles& image : images)
            all.insert(all.end(), image.begin(), image.end());
        return all;
    }
    static void spread(const doubles& all, std::vector<doubles>& images, bool adds) {
        const double* from = all.data();
        for (doubles& image : images)
            for (double& x : image)
                x = *from++ + (adds ? x : 0);
    }
    reference::pixel_rows<const double> rows(const doubles& all, node_id i) const {
        const auto channels = at(g_[i].out.channels);
        return {all.data(), {all.size() / channels, channels}};
    }

    void forward_node(node_id i) {
        const node& n = g_[i];
        const node_id x = n.inputs[0];
        if (n.kind == op::batch_norm)
            return batch_norm(i, x);
        for (std::size_t image = 0; image < values[at(i)].size(); ++image) {
            doubles& out = values[at(i)][image];
            const doubles& in = values[at(x)][image];
            const auto map = writable(values, i, image);
            switch (n.kind) {
            case op::conv2d:
                reference::conv2d<double>(value(x, image), conv_weight(i), parameter(i, "bias"), n.win, n.groups, map);
                break;
            case op::linear:
                reference::linear<double>(in, {parameter(i, "weight").data(), {out.size(), in.size()}},
                                          parameter(i, "bias"), out);
                break;
            case op::group_norm:
                reference::group_norm<double>(rows(in, i), n.groups, parameter(i, "weight"), parameter(i, "bias"),
                                              static_cast<double>(n.epsilon),
                                              {out.data(), {out.size() / at(n.out.channels), at(n.out.channels)}});
                break;
            case op::activate:
                reference::activate<double>(n.act, in, out);
                break;
            case op::add:
                reference::add<double>(in, values[at(n.inputs[1])][image], out);
                break;
            case op::scale:
                reference::scale<double>(value(x, image), values[at(n.inputs[1])][image], map);
                break;
            case op::global_average_pool:
                reference::global_average_pool<double>(value(x, image), out);
                break;
            case op::max_pool:
                reference::max_pool<double>(value(x, image), n.win, n.ceil_mode, n.border, map);
                break;
            case op::avg_pool:
                reference::avg_pool<double>(value(x, image), n.win, n.ceil_mode, n.border, map);
                break;
            case op::weighted_sum:
                reference::weighted_sum<double>(summands(values, i, image), n.factors, sum_weight(i), out);
                break;
            case op::resize:
                resize(n, in, out, shapes_[at(x)], shapes_[at(i)]);
                break;
            default:
                out = in; // dropout, stochastic depth
            }
        }
    }
    std::vector<span<const double>> summands(const std::vector<std::vector<doubles>>& all, node_id i,
                                             std::size_t image) const {
        std::vector<span<const double>> maps;
        for (node_id x : g_[i].inputs)
            if (x >= 0)
                maps.push_back(all[at(x)][image]);
        return maps;
    }
    doubles sum_weight(node_id i) {
        return g_[i].weighted ? parameter(i, "") : doubles(g_[i].inputs[2] < 0 ? 2 : 3);
    }
    void batch_norm(node_id i, node_id x) {
        const doubles all = pixels_of(values[at(x)]);
        doubles out(all.size());
        const auto channels = at(g_[i].out.channels);
        const doubles &gamma = parameter(i, "weight"), &beta = parameter(i, "bias");
        const double epsilon = static_cast<double>(g_[i].epsilon);
        if (running_)
            for (std::size_t k = 0; k < all.size(); ++k) {
                const std::size_t c = k % channels;
                out[k] = (all[k] - parameter(i, "running_mean")[c]) /
                             std::sqrt(parameter(i, "running_var")[c] + epsilon) * gamma[c] +
                         beta[c];
            }
        else
            reference::batch_norm_training<double>(rows(all, i), gamma, beta, epsilon,
                                                   {out.data(), {all.size() / channels, channels}});
        spread(out, values[at(i)], false);
    }
    // In float, as positions are: which pixel is the nearest hangs on their rounding.
    static void resize(const node& n, const doubles& x, doubles& out, shape from, shape to) {
        const std::vector<float> input(x.begin(), x.end());
        std::vector<float> output(out.size());
        reference::resize<float>(reference::make_map(input.data(), from), n.resize,
                                 reference::make_map(output.data(), to));
        out.assign(output.begin(), output.end());
    }
    static void resize_backward(const node& n, const doubles& g, doubles& out, shape from, shape to) {
        const std::vector<float> gradient(g.begin(), g.end());
        std::vector<float> input(out.size());
        reference::resize_backward<float>(reference::make_map(gradient.data(), to), n.resize,
                                          reference::make_map(input.data(), from));
        for (std::size_t k = 0; k < out.size(); ++k)
            out[k] += static_cast<double>(input[k]);
    }

    void backward_node(node_id i) {
        const node& n = g_[i];
        if (n.kind == op::batch_norm)
            return batch_norm_backward(i, n.inputs[0]);
        for (std::size_t image = 0; image < values[at(i)].size(); ++image)
            backward_image(i, image);
    }
    void batch_norm_backward(node_id i, node_id x) {
        const doubles input = pixels_of(values[at(x)]), upstream = pixels_of(gradients[at(i)]);
        doubles gradient(input.size(), 0);
        const auto channels = at(g_[i].out.channels);
        const reference::norm_gradients<double> to{{gradient.data(), {input.size() / channels, channels}},
                                                   parameter_gradient(i, "weight"), parameter_gradient(i, "bias")};
        const double epsilon = static_cast<double>(g_[i].epsilon);
        if (running_)
            reference::batch_norm_backward<double>(rows(input, i), parameter(i, "running_mean"),
                                                   parameter(i, "running_var"), parameter(i, "weight"), epsilon,
                                                   rows(upstream, i), to);
        else
            reference::batch_norm_training_backward<double>(rows(input, i), parameter(i, "weight"), epsilon,
                                                            rows(upstream, i), to);
        spread(gradient, gradients[at(x)], true);
    }
    void backward_image(node_id i, std::size_t image) {
        const node& n = g_[i];
        const node_id x = n.inputs[0];
        const doubles &in = values[at(x)][image], upstream = gradients[at(i)][image];
        const auto g = reference::make_map(upstream.data(), shapes_[at(i)]);
        const auto to = writable(gradients, x, image);
        doubles& to_numbers = gradients[at(x)][image];
        doubles part(in.size(), 0);
        switch (n.kind) {
        case op::conv2d: {
            reference::conv2d_backward_input<double>(g, conv_weight(i), n.win, n.groups,
                                                     reference::make_map(part.data(), shapes_[at(x)]));
            const auto extents = conv_weight(i).shape();
            reference::conv2d_backward_weight<double>(value(x, image), g, n.win, n.groups,
                                                      {parameter_gradient(i, "weight").data(), extents});
            if (n.bias)
                reference::conv2d_backward_bias<double>(g, parameter_gradient(i, "bias"));
            break;
        }
        case op::linear:
            for (std::size_t o = 0; o < upstream.size(); ++o) {
                parameter_gradient(i, "bias")[o] += upstream[o];
                for (std::size_t k = 0; k < in.size(); ++k) {
                    parameter_gradient(i, "weight")[o * in.size() + k] += upstream[o] * in[k];
                    part[k] += upstream[o] * parameter(i, "weight")[o * in.size() + k];
                }
            }
            break;
        case op::group_norm:
            reference::group_norm_backward<double>(
                rows(in, i), n.groups, parameter(i, "weight"), static_cast<double>(n.epsilon), rows(upstream, i),
                {{part.data(), {part.size() / at(n.out.channels), at(n.out.channels)}},
                 parameter_gradient(i, "weight"),
                 parameter_gradient(i, "bias")});
            break;
        case op::activate:
            reference::activate_backward<double>(n.act, in, upstream, part);
            break;
        case op::add:
            part = upstream;
            add_to(gradients[at(n.inputs[1])][image], upstream);
            break;
        case op::scale: {
            doubles& gate_gradient = gradients[at(n.inputs[1])][image];
            const doubles& gate = values[at(n.inputs[1])][image];
            for (std::size_t k = 0; k < in.size(); ++k) {
                part[k] = upstream[k] * gate[k % gate.size()];
                gate_gradient[k % gate.size()] += upstream[k] * in[k];
            }
            break;
        }
        case op::global_average_pool:
            reference::global_average_pool_backward<double>(upstream, to);
            return;
        case op::max_pool:
            reference::max_pool_backward<double>(value(x, image), n.win, n.border, g, to);
            return;
        case op::avg_pool:
            reference::avg_pool_backward<double>(n.win, n.border, g, to);
            return;
        case op::weighted_sum:
            return weighted_sum_backward(i, image);
        case op::resize:
            return resize_backward(n, upstream, to_numbers, shapes_[at(x)], shapes_[at(i)]);
        default:
            part = upstream;
        }
        add_to(to_numbers, part);
    }
    void weighted_sum_backward(node_id i, std::size_t image) {
        std::vector<span<double>> to;
        for (node_id x : g_[i].inputs)
            if (x >= 0)
                to.push_back(gradients[at(x)][image]);
        doubles unused(to.size());
        reference::weighted_sum_backward<double>(summands(values, i, image), g_[i].factors, sum_weight(i),
                                                 gradients[at(i)][image], to,
                                                 g_[i].weighted ? parameter_gradient(i, "") : unused);
    }
    static void add_to(doubles& sums, const doubles& x) {
        for (std::size_t k = 0; k < sums.size(); ++k)
            sums[k] += x[k];
    }

    graph_view g_;
    std::map<std::string, doubles> weights_;
    std::vector<shape> shapes_;
    bool running_;
};

} // namespace fovea::test
