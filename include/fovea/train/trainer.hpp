// One step of training: forward, loss, backward, clipping, update and moving average. What differs between tasks is the
// loss.
#pragma once

#include <fovea/program/training_network.hpp>
#include <fovea/train/non_finite.hpp>
#include <fovea/train/optimizer/clip.hpp>
#include <fovea/train/optimizer/ema.hpp>
#include <fovea/train/optimizer/optimizer.hpp>
#include <fovea/train/target/ground_truth.hpp>

#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace fovea {

struct trainer_settings {
    double max_norm = 0;               // of the gradient of all parameters together; 0: not clipped
    int accumulation = 1;              // batches whose gradients are averaged for one update
    std::optional<ema_settings> ema{}; // of weights and running statistics; unset: none
};

// What a step came to. `is_finite`: loss and gradients are numbers; else nothing was updated.
template <class LossValues>
struct train_step_report {
    LossValues loss;
    double gradient_norm = 0; // before clipping; of the last update
    bool updated = false;     // false also while gradients of several batches are collected
    bool is_finite = true;
};

} // namespace fovea

FOVEA_ARCH_NAMESPACE_BEGIN

// The loss of a batch and its gradients at the network's outputs, for losses of detectors: output 0 has the classes,
// output 1 the boxes. Other losses have an overload of their own.
template <class Loss>
auto differentiate(Loss& loss, training_network& net, span<const ground_truth> truths, executor& ex) {
    return loss(net.output(0), net.output(1), truths, net.output_gradient(0), net.output_gradient(1), ex);
}

// Ties a training network, a loss and an optimizer together; each of them is usable alone. The network stays the
// caller's and must outlive the trainer. Loss: differentiate() takes it; Truth: what an image has to teach.
template <class Loss, class Truth = ground_truth>
class trainer {
public:
    using loss_values = decltype(differentiate(std::declval<Loss&>(), std::declval<training_network&>(),
                                               std::declval<span<const Truth>>(), std::declval<executor&>()));
    using report = train_step_report<loss_values>;

    // Throws input_error for settings out of range.
    trainer(training_network& net, Loss loss, std::unique_ptr<optimizer> updates, const trainer_settings& settings,
            executor& ex)
        : net_(net), settings_(settings), executor_(ex), optimizer_(std::move(updates)), loss_(std::move(loss)) {
        if (settings.accumulation < 1)
            throw input_error("gradients of " + std::to_string(settings.accumulation) +
                              " batches for an update; expected at least 1");
        restart_average();
    }

    // images: [truths.size(), height, width, 3], preprocessed. A batch of another size than the network's plans it
    // anew. Throws input_error as the loss does.
    report step(const float* images, span<const Truth> truths, double learning_rate) {
        if (truths.size() != static_cast<std::size_t>(net_.batch())) {
            training_plan_options options = net_.options();
            options.batch = static_cast<int>(truths.size());
            net_.plan(options, net_.shape_of(0).height, net_.shape_of(0).width);
        }
        report r;
        net_.forward(images, steps_);
        r.loss = differentiate(loss_, net_, truths, executor_);
        r.is_finite = std::isfinite(r.loss.total());
        if (!r.is_finite)
            return r;
        if (collected_ == 0)
            net_.parameters().zero_gradients();
        net_.backward();
        ++steps_;
        if (++collected_ < settings_.accumulation)
            return r;
        collected_ = 0;
        update(r, learning_rate);
        return r;
    }

    // Steps so far: what dropout draws from.
    std::uint64_t steps() const noexcept { return steps_; }
    void set_steps(std::uint64_t steps) noexcept { steps_ = steps; }

    // The averages begin anew as copies of the network's numbers: call it after loading weights.
    void restart_average() {
        if (!settings_.ema)
            return;
        parameters_average_.emplace(net_.parameters().values(), *settings_.ema);
        buffers_average_.emplace(net_.parameters().buffers(), *settings_.ema);
    }
    // nullptr without an average.
    moving_average* parameters_average() noexcept {
        return parameters_average_ ? &*parameters_average_ : nullptr;
    }
    moving_average* buffers_average() noexcept { return buffers_average_ ? &*buffers_average_ : nullptr; }

    // The weights to evaluate and to ship: averaged where there is an average.
    state_dict weights() {
        if (!parameters_average_)
            return net_.parameters().state();
        const auto averaged = buffers_average_->values();
        std::vector<float> buffers(averaged.begin(), averaged.end());
        for (const training_parameters::placed& p : net_.parameters().all())
            if (p.what.kind == parameter_kind::num_batches_tracked) // a count, not an average of counts
                buffers[p.place] = net_.parameters().buffers()[p.place];
        return to_state_dict(net_.graph(), parameters_average_->values(), buffers);
    }

    training_network& network() noexcept { return net_; }
    fovea::optimizer& optimizer() noexcept { return *optimizer_; }
    const Loss& loss() const noexcept { return loss_; }

private:
    void update(report& r, double learning_rate) {
        const double mean = 1.0 / settings_.accumulation;
        r.gradient_norm = gradient_norm(net_.parameters().gradients(), executor_, optimizer_->ranges()) * mean;
        r.is_finite = std::isfinite(r.gradient_norm);
        if (!r.is_finite)
            return;
        const float clip =
            settings_.max_norm > 0 ? clip_factor(r.gradient_norm, settings_.max_norm) : 1.0F;
        optimizer_->step(net_.parameters().values(), net_.parameters().gradients(), learning_rate, executor_,
                         clip * static_cast<float>(mean));
        if (parameters_average_) {
            parameters_average_->update(net_.parameters().values(), executor_);
            buffers_average_->update(net_.parameters().buffers(), executor_);
        }
        r.updated = true;
    }

    training_network& net_;
    trainer_settings settings_;
    executor& executor_;
    std::unique_ptr<fovea::optimizer> optimizer_;
    Loss loss_;
    std::optional<moving_average> parameters_average_, buffers_average_;
    std::uint64_t steps_ = 0;
    int collected_ = 0; // batches since the last update
};

FOVEA_ARCH_NAMESPACE_END
