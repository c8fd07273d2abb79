// Every kind of optimizer from its settings, and each of them written down in double.
#pragma once

#include <fovea/train/optimizer/adam.hpp>
#include <fovea/train/optimizer/rmsprop.hpp>
#include <fovea/train/optimizer/sgd.hpp>

#include "support/fill.hpp"

#include <cmath>
#include <functional>
#include <memory>
#include <vector>

namespace fovea::test {

using optimizer_pointer = std::unique_ptr<optimizer>;
using maker = std::function<optimizer_pointer(std::vector<parameter_range>)>;

template <class Optimizer, class Settings>
maker making(const Settings& settings) {
    return [settings](std::vector<parameter_range> ranges) -> optimizer_pointer {
        return std::make_unique<Optimizer>(std::move(ranges), settings);
    };
}

inline constexpr auto torch_form = rmsprop_form::torch, tensorflow_form = rmsprop_form::tensorflow;

// Weights, or gradients, of many magnitudes.
inline std::vector<float> numbers(const char* name, std::size_t count) {
    std::vector<float> values;
    for (double u : uniform(name, count))
        values.push_back(static_cast<float>((2 * u - 1) * std::pow(10, 4 * u - 3)));
    return values;
}

// Ranges that begin and end anywhere: single numbers, whole chunks, a frozen one.
inline std::vector<parameter_range> ragged_ranges() {
    std::vector<parameter_range> ranges;
    std::size_t offset = 0;
    for (std::size_t size : {1u, 7u, 16u, 33u, 0u, 20000u, 3u, 40000u, 5u}) {
        const auto i = static_cast<float>(ranges.size());
        ranges.push_back({offset, size, 0.01F * i, 1 + 0.25F * i, ranges.size() == 3});
        offset += size;
    }
    return ranges;
}

// One step of every weight in double, from the definitions: what the vectors are compared with.
struct scalar_optimizer {
    enum class kind { sgd, rmsprop, adam } what = kind::sgd;
    sgd_settings s{};
    rmsprop_settings r{};
    adam_settings a{};
    std::vector<double> weights{}, first{}, second{}, third{};
    int steps = 0;

    void step(const std::vector<float>& gradients, const std::vector<parameter_range>& ranges, double rate) {
        ++steps;
        for (const parameter_range& range : ranges)
            for (std::size_t i = range.offset; i < range.end() && !range.frozen; ++i)
                step_one(i, double(gradients[i]), double(range.weight_decay),
                         rate * double(range.learning_rate_scale));
    }
    void step_one(std::size_t i, double g, double decay, double rate) {
        double& w = weights[i];
        if (what == kind::adam && a.decoupled)
            w -= rate * decay * w;
        else
            g += decay * w;
        if (what == kind::sgd) {
            first[i] = steps == 1 ? g : s.momentum * first[i] + (1 - s.dampening) * g;
            w -= rate * (s.nesterov ? g + s.momentum * first[i] : s.momentum > 0 ? first[i] : g);
        } else if (what == kind::adam) {
            first[i] = a.beta1 * first[i] + (1 - a.beta1) * g;
            second[i] = a.beta2 * second[i] + (1 - a.beta2) * g * g;
            const double mean = first[i] / (1 - std::pow(a.beta1, steps));
            w -= rate * mean / (std::sqrt(second[i] / (1 - std::pow(a.beta2, steps))) + a.eps);
        } else {
            const bool tensorflow = r.form == tensorflow_form;
            first[i] = r.alpha * first[i] + (1 - r.alpha) * g * g;
            second[i] = r.alpha * second[i] + (1 - r.alpha) * g;
            const double spread = first[i] - (r.centered ? second[i] * second[i] : 0);
            const double root = tensorflow ? std::sqrt(spread + r.eps) : std::sqrt(spread) + r.eps;
            third[i] = r.momentum * third[i] + (tensorflow ? rate : 1) * g / root;
            w -= (tensorflow ? 1 : rate) * third[i];
        }
    }
};

inline std::vector<scalar_optimizer> all_scalars() {
    using kind = scalar_optimizer::kind;
    std::vector<scalar_optimizer> all{
        {kind::sgd, {}},         {kind::sgd, {0.9}},       {kind::sgd, {0.9, 0, true}},
        {kind::sgd, {0.9, 0.3}}, {kind::adam, {}, {}, {}}, {kind::adam, {}, {}, {0.8, 0.95, 1e-4, true}}};
    for (rmsprop_form form : {torch_form, tensorflow_form})
        for (double momentum : {0.0, 0.9})
            for (bool centered : {false, true})
                all.push_back({kind::rmsprop, {}, {0.9, 1e-3, momentum, centered, form}});
    return all;
}

inline maker making(const scalar_optimizer& o) {
    using kind = scalar_optimizer::kind;
    return o.what == kind::sgd    ? making<sgd>(o.s)
           : o.what == kind::adam ? making<adam>(o.a)
                                  : making<rmsprop>(o.r);
}

} // namespace fovea::test
