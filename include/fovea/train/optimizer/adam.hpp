// Adam and AdamW, as torch.optim computes them: the optimizers of zylo117's EfficientDet recipe.
#pragma once

#include <fovea/train/optimizer/optimizer.hpp>
#include <fovea/train/optimizer/update_ranges.hpp>

#include <cmath>

namespace fovea {

// Defaults are torch's.
struct adam_settings {
    double beta1 = 0.9, beta2 = 0.999; // what the running means of g and g^2 keep at a step
    double eps = 1e-8;
    bool decoupled = false; // AdamW: weight decay shrinks the weight itself instead of entering the gradient
};

} // namespace fovea

FOVEA_ARCH_NAMESPACE_BEGIN

namespace optimizer_detail {

template <bool Decoupled>
struct adam_rule {
    vector scale, decay, keep1, fresh1, keep2, fresh2, correction2, eps, minus_rate;

    // values: weight, mean of g, mean of g^2. decay: the factor on the weight when decoupled. correction2,
    // minus_rate: with the bias corrections in them.
    void operator()(std::array<vector, 3>& values, const std::array<vector, 1>& gradients) const noexcept {
        auto& [weight, mean, square] = values;
        vector g = gradients[0] * scale;
        if constexpr (Decoupled)
            weight = weight * decay;
        else
            g = multiply_add(weight, decay, g);
        mean = multiply_add(g, fresh1, mean * keep1);
        square = multiply_add(g * g, fresh2, square * keep2);
        weight = weight + divide(minus_rate * mean, divide(square_root(square), correction2) + eps);
    }
};

} // namespace optimizer_detail

// State: "exp_avg", "exp_avg_sq". Bias is corrected by steps(), as torch does.
class adam final : public optimizer {
public:
    // Throws input_error for betas outside [0, 1) and an eps that is negative or not finite; and as
    // check_ranges().
    explicit adam(std::vector<parameter_range> ranges, const adam_settings& settings = {})
        : optimizer(std::move(ranges)), settings_(settings) {
        check_setting("beta1", settings.beta1, 0, 1);
        check_setting("beta2", settings.beta2, 0, 1);
        check_setting("eps", settings.eps, 0, HUGE_VAL);
        mean_.resize(size());
        square_.resize(size());
    }

    const char* name() const noexcept override { return settings_.decoupled ? "adamw" : "adam"; }
    void for_each_state(const std::function<void(std::string_view, span<float>)>& visit) override {
        visit("exp_avg", mean_);
        visit("exp_avg_sq", square_);
    }

private:
    void update(const step_inputs& in, executor& ex) override {
        settings_.decoupled ? update_as<true>(in, ex) : update_as<false>(in, ex);
    }

    template <bool Decoupled>
    void update_as(const step_inputs& in, executor& ex) {
        const auto same = [](double value) { return vector(static_cast<float>(value)); };
        const double step = static_cast<double>(in.steps + 1);
        const double correction1 = 1 - std::pow(settings_.beta1, step);
        const double correction2 = std::sqrt(1 - std::pow(settings_.beta2, step));
        update_ranges<2>(ex, ranges(), in.weights, in.gradients, {mean_.data(), square_.data()},
                         [&](const parameter_range& r) {
                             const double rate =
                                 in.learning_rate * static_cast<double>(r.learning_rate_scale);
                             const double decay = static_cast<double>(r.weight_decay);
                             return optimizer_detail::adam_rule<Decoupled>{
                                 same(in.gradient_scale),  same(Decoupled ? 1 - rate * decay : decay),
                                 same(settings_.beta1),    same(1 - settings_.beta1),
                                 same(settings_.beta2),    same(1 - settings_.beta2),
                                 same(correction2),        same(settings_.eps),
                                 same(-rate / correction1)};
                         });
    }

    adam_settings settings_;
    std::vector<float> mean_, square_;
};

FOVEA_ARCH_NAMESPACE_END
