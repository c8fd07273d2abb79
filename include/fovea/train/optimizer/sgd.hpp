// Stochastic gradient descent with momentum, as torch.optim.SGD: the optimizer of the SSD family's recipes.
#pragma once

#include <fovea/train/optimizer/optimizer.hpp>
#include <fovea/train/optimizer/update_ranges.hpp>

namespace fovea {

struct sgd_settings {
    double momentum = 0;
    double dampening = 0;
    bool nesterov = false; // needs momentum, and no dampening
};

} // namespace fovea

FOVEA_ARCH_NAMESPACE_BEGIN

namespace optimizer_detail {

// g = gradient + decay * weight; buffer = kept * buffer + fresh * g (kept: the momentum, 0 at the first
// step); then weight -= rate * (g + momentum * buffer) with Nesterov, rate * buffer without.
template <bool Nesterov>
struct sgd_momentum_rule {
    vector scale, decay, kept, momentum, fresh, minus_rate;

    void operator()(std::array<vector, 2>& values, const std::array<vector, 1>& gradients) const noexcept {
        auto& [weight, buffer] = values;
        const vector g = multiply_add(weight, decay, gradients[0] * scale);
        buffer = multiply_add(g, fresh, buffer * kept);
        weight = multiply_add(Nesterov ? multiply_add(buffer, momentum, g) : buffer, minus_rate, weight);
    }
};

struct sgd_plain_rule {
    vector scale, decay, minus_rate;

    void operator()(std::array<vector, 1>& weight, const std::array<vector, 1>& gradients) const noexcept {
        const vector g = multiply_add(weight[0], decay, gradients[0] * scale);
        weight[0] = multiply_add(g, minus_rate, weight[0]);
    }
};

} // namespace optimizer_detail

// State: "momentum_buffer", with momentum. As in torch the first step's buffer is the gradient, whatever the
// dampening; weight decay is added to the gradient.
class sgd final : public optimizer {
public:
    // Throws input_error for settings outside [0, 1) and for Nesterov without momentum or with dampening; and
    // as check_ranges().
    explicit sgd(std::vector<parameter_range> ranges, const sgd_settings& settings = {})
        : optimizer(std::move(ranges)), settings_(settings) {
        check_setting("momentum", settings.momentum, 0, 1);
        check_setting("dampening", settings.dampening, 0, 1);
        if (settings.nesterov && (settings.momentum == 0 || settings.dampening != 0))
            throw input_error("Nesterov needs a momentum and zero dampening, found " +
                              std::to_string(settings.momentum) + " and " +
                              std::to_string(settings.dampening));
        if (settings.momentum > 0)
            buffer_.resize(size());
    }

    const char* name() const noexcept override { return "sgd"; }
    void for_each_state(const std::function<void(std::string_view, span<float>)>& visit) override {
        if (settings_.momentum > 0)
            visit("momentum_buffer", buffer_);
    }

private:
    void update(const step_inputs& in, executor& ex) override {
        const vector scale(in.gradient_scale);
        const auto minus_rate = [&](const parameter_range& r) {
            return vector(-static_cast<float>(in.learning_rate * static_cast<double>(r.learning_rate_scale)));
        };
        if (settings_.momentum > 0)
            return settings_.nesterov ? update_momentum<true>(in, scale, minus_rate, ex)
                                      : update_momentum<false>(in, scale, minus_rate, ex);
        update_ranges<0>(ex, ranges(), in.weights, in.gradients, {}, [&](const parameter_range& r) {
            return optimizer_detail::sgd_plain_rule{scale, vector(r.weight_decay), minus_rate(r)};
        });
    }

    template <bool Nesterov, class Rate>
    void update_momentum(const step_inputs& in, vector scale, const Rate& minus_rate, executor& ex) {
        const bool first = in.steps == 0;
        const vector momentum(static_cast<float>(settings_.momentum));
        const vector kept = first ? vector(0.0F) : momentum;
        const vector fresh(first ? 1.0F : static_cast<float>(1 - settings_.dampening));
        update_ranges<1>(ex, ranges(), in.weights, in.gradients, {buffer_.data()},
                         [&](const parameter_range& r) {
                             return optimizer_detail::sgd_momentum_rule<Nesterov>{
                                 scale, vector(r.weight_decay), kept, momentum, fresh, minus_rate(r)};
                         });
    }

    sgd_settings settings_;
    std::vector<float> buffer_;
};

FOVEA_ARCH_NAMESPACE_END
