// RMSProp with torch's and TensorFlow's placement of eps: the optimizer of MobileNetV3's and EfficientNet's
// recipes.
#pragma once

#include <fovea/train/optimizer/optimizer.hpp>
#include <fovea/train/optimizer/update_ranges.hpp>

#include <algorithm>

namespace fovea {

// Two formulas of one name. With s the running mean of g^2 (g: the gradient with weight decay added to it):
enum class rmsprop_form : unsigned char {
    torch,      // s begins at 0; buffer = momentum * buffer + g / (sqrt(s) + eps); weight -= rate * buffer
    tensorflow, // s begins at 1; buffer = momentum * buffer + rate * g / sqrt(s + eps); weight -= buffer
};

// Defaults are those of torch.optim.RMSprop. MobileNetV3's recipe: alpha 0.9, eps 0.0316, momentum 0.9.
struct rmsprop_settings {
    double alpha = 0.99; // what the running means keep at a step
    double eps = 1e-8;
    double momentum = 0;
    bool centered = false; // s less the square of the running mean of g
    rmsprop_form form = rmsprop_form::torch;
};

} // namespace fovea

FOVEA_ARCH_NAMESPACE_BEGIN

namespace optimizer_detail {

// Constants of one step and range.
struct rmsprop_numbers {
    vector scale, decay, alpha, fresh, eps, momentum, minus_rate;
};

template <rmsprop_form Form, bool Centered, bool Momentum>
struct rmsprop_rule {
    static constexpr std::size_t states = 1 + Centered + Momentum;
    rmsprop_numbers n;

    // values: weight, square average, gradient average when centered, momentum buffer with momentum.
    void operator()(std::array<vector, 1 + states>& values,
                    const std::array<vector, 1>& gradients) const noexcept {
        vector& weight = values[0];
        const vector g = multiply_add(weight, n.decay, gradients[0] * n.scale);
        vector spread = values[1] = mean(values[1], g * g);
        if constexpr (Centered) {
            values[2] = mean(values[2], g);
            spread = xsimd::max(vector(0.0F), spread - values[2] * values[2]); // below 0 by rounding only
        }
        const vector root =
            Form == rmsprop_form::torch ? square_root(spread) + n.eps : square_root(spread + n.eps);
        if constexpr (!Momentum) {
            weight = weight + divide(n.minus_rate * g, root);
        } else if constexpr (Form == rmsprop_form::torch) {
            vector& buffer = values[states];
            buffer = multiply_add(buffer, n.momentum, divide(g, root));
            weight = multiply_add(buffer, n.minus_rate, weight);
        } else {
            vector& buffer = values[states];
            buffer = multiply_add(buffer, n.momentum, divide(-n.minus_rate * g, root));
            weight = weight - buffer;
        }
    }

    // torch keeps alpha of the old mean, TensorFlow moves it by 1 - alpha of the way: equal but for rounding.
    vector mean(vector old, vector value) const noexcept {
        return Form == rmsprop_form::torch ? multiply_add(value, n.fresh, old * n.alpha)
                                           : multiply_add(value - old, n.fresh, old);
    }
};

} // namespace optimizer_detail

// State: "square_avg"; "grad_avg" when centered; "momentum_buffer" with momentum.
class rmsprop final : public optimizer {
public:
    // Throws input_error for alpha or momentum outside [0, 1) and an eps that is negative or not finite; and
    // as check_ranges().
    explicit rmsprop(std::vector<parameter_range> ranges, const rmsprop_settings& settings = {})
        : optimizer(std::move(ranges)), settings_(settings) {
        check_setting("alpha", settings.alpha, 0, 1);
        check_setting("eps", settings.eps, 0, HUGE_VAL);
        check_setting("momentum", settings.momentum, 0, 1);
        square_average_.assign(size(), settings.form == rmsprop_form::tensorflow ? 1.0F : 0.0F);
        if (settings.centered)
            gradient_average_.resize(size());
        if (settings.momentum > 0)
            buffer_.resize(size());
    }

    const char* name() const noexcept override { return "rmsprop"; }
    void for_each_state(const std::function<void(std::string_view, span<float>)>& visit) override {
        visit("square_avg", square_average_);
        if (settings_.centered)
            visit("grad_avg", gradient_average_);
        if (settings_.momentum > 0)
            visit("momentum_buffer", buffer_);
    }

private:
    void update(const step_inputs& in, executor& ex) override {
        settings_.form == rmsprop_form::torch ? update_as<rmsprop_form::torch>(in, ex)
                                              : update_as<rmsprop_form::tensorflow>(in, ex);
    }

    template <rmsprop_form Form>
    void update_as(const step_inputs& in, executor& ex) {
        float *s = square_average_.data(), *mean = gradient_average_.data(), *buffer = buffer_.data();
        const bool momentum = settings_.momentum > 0;
        if (settings_.centered)
            return momentum ? update_states<Form, true, true>(in, {s, mean, buffer}, ex)
                            : update_states<Form, true, false>(in, {s, mean}, ex);
        momentum ? update_states<Form, false, true>(in, {s, buffer}, ex)
                 : update_states<Form, false, false>(in, {s}, ex);
    }

    template <rmsprop_form Form, bool Centered, bool Momentum>
    void update_states(const step_inputs& in, std::array<float*, std::size_t{1} + Centered + Momentum> states,
                       executor& ex) {
        using rule = optimizer_detail::rmsprop_rule<Form, Centered, Momentum>;
        const auto same = [](double value) { return vector(static_cast<float>(value)); };
        update_ranges<rule::states>(
            ex, ranges(), in.weights, in.gradients, states, [&](const parameter_range& r) {
                return rule{{same(in.gradient_scale), same(r.weight_decay), same(settings_.alpha),
                             same(1 - settings_.alpha), same(settings_.eps), same(settings_.momentum),
                             same(-in.learning_rate * static_cast<double>(r.learning_rate_scale))}};
            });
    }

    rmsprop_settings settings_;
    std::vector<float> square_average_, gradient_average_, buffer_;
};

FOVEA_ARCH_NAMESPACE_END
