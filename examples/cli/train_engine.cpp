#include "train_engine.hpp"

#include <fovea/program/runtime_training_program.hpp>
#include <fovea/program/thread_executor.hpp>
#include <fovea/train/init/initialize.hpp>
#include <fovea/train/optimizer/adam.hpp>
#include <fovea/train/optimizer/rmsprop.hpp>
#include <fovea/train/optimizer/sgd.hpp>
#include <fovea/train/pretrained.hpp>
#include <fovea/train/ssd_trainer.hpp>

#include <algorithm>
#include <utility>

namespace fovea::cli {

namespace {

std::unique_ptr<optimizer> make_optimizer(const train_choice& c, graph_view g) {
    std::vector<parameter_range> ranges = group_parameters(g, c.groups);
    switch (c.optimizer) {
    case optimizer_kind::sgd:
        return std::make_unique<sgd>(std::move(ranges), sgd_settings{c.momentum, 0, c.nesterov});
    case optimizer_kind::rmsprop:
        return std::make_unique<rmsprop>(std::move(ranges), rmsprop_settings{c.alpha, c.eps, c.momentum});
    case optimizer_kind::adam:
    case optimizer_kind::adamw:
        break;
    }
    adam_settings settings;
    settings.decoupled = c.optimizer == optimizer_kind::adamw;
    return std::make_unique<adam>(std::move(ranges), settings);
}

ssd_trainer_settings trainer_settings(const train_choice& c) {
    ssd_trainer_settings s;
    s.loss = c.loss;
    s.max_norm = c.clip_norm;
    s.accumulation = c.accumulation;
    if (c.ema_decay > 0)
        s.ema = ema_settings{c.ema_decay, true};
    return s;
}

class arch_train_engine final : public train_engine {
public:
    explicit arch_train_engine(const train_choice& c)
        : threads_(std::max(1, c.threads)), program_(c.table), net_(program_.view(), {c.batch, c.recomputes, false}, threads_),
          input_(detector_preset(c.table)), frozen_(c.groups.frozen) {
        initialize(graph(), c.policy, c.seed, net_.parameters().values(), net_.parameters().buffers());
        net_.parameters().freeze([&](std::string_view key) { return is_frozen(key); });
        net_.parameters().freeze_statistics(
            [&](std::string_view module) { return c.frozen_statistics || is_frozen(module); });
        trainer_.emplace(net_, c.table.boxes, make_optimizer(c, graph()), trainer_settings(c), threads_);
    }

    void load(const state_dict& weights, const load_options& options) override {
        load_pretrained(graph(), net_.parameters(), weights, options);
        trainer_->restart_average();
    }

    train_result step(const float* images, span<const ground_truth> truths, double learning_rate) override {
        const auto r = trainer_->step(images, truths, learning_rate);
        return {r.loss.classification, r.loss.bbox_regression, r.gradient_norm, r.loss.positives, r.is_finite};
    }
    std::string find_non_finite(const float* images) override {
        return fovea::find_non_finite(net_, images, trainer_->steps());
    }

    state_dict weights() override { return trainer_->weights(); }

    void save(training_state& state) override {
        state.weights = net_.parameters().state();
        state.optimizer.clear();
        trainer_->optimizer().for_each_state([&](std::string_view name, span<float> values) {
            state.optimizer.emplace(name, std::vector<float>(values.begin(), values.end()));
        });
        state.integers["trainer.steps"] = trainer_->steps();
        state.integers["optimizer.steps"] = trainer_->optimizer().steps();
        if (const moving_average* average = trainer_->parameters_average()) {
            state.ema = trainer_->weights();
            state.integers["ema.updates"] = average->updates();
        }
    }

    void restore(const training_state& state) override {
        net_.parameters().load(state.weights);
        trainer_->optimizer().for_each_state([&](std::string_view name, span<float> values) {
            const auto found = state.optimizer.find(std::string(name));
            if (found == state.optimizer.end() || found->second.size() != values.size())
                throw format_error("the checkpoint has no optimizer state '" + std::string(name) + "' of " +
                                   std::to_string(values.size()) + " numbers");
            std::copy(found->second.begin(), found->second.end(), values.begin());
        });
        trainer_->set_steps(integer(state, "trainer.steps"));
        trainer_->optimizer().set_steps(integer(state, "optimizer.steps"));
        if (moving_average* average = trainer_->parameters_average()) {
            moving_average* buffers = trainer_->buffers_average();
            from_state_dict(graph(), state.ema, average->values(), buffers->values());
            for (moving_average* a : {average, buffers})
                a->set_updates(integer(state, "ema.updates"));
        }
    }

    graph_view graph() const noexcept override { return program_.graph(); }
    preset input() const noexcept override { return input_; }
    std::size_t workspace_bytes() const noexcept override { return net_.workspace_bytes(); }

private:
    bool is_frozen(std::string_view key) const {
        return std::any_of(frozen_.begin(), frozen_.end(),
                           [&](const std::string& prefix) { return has_key_prefix(key, prefix); });
    }
    static std::uint64_t integer(const training_state& state, const char* name) {
        const auto found = state.integers.find(name);
        if (found == state.integers.end())
            throw format_error(std::string("the checkpoint lacks '") + name + "'");
        return found->second;
    }

    thread_executor threads_;
    runtime_training_program program_;
    training_network net_;
    preset input_;
    std::vector<std::string> frozen_; // prefixes of keys
    std::optional<ssd_trainer> trainer_;
};

std::unique_ptr<train_engine> make_arch_train_engine(const train_choice& choice) {
    return std::make_unique<arch_train_engine>(choice);
}

} // namespace

FOVEA_DISPATCH(make_train_engine, make_arch_train_engine);

} // namespace fovea::cli
