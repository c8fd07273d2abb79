#include "train_engine.hpp"

#include <fovea/models/classifier.hpp>
#include <fovea/models/detector.hpp>
#include <fovea/program/runtime_training_program.hpp>
#include <fovea/program/thread_executor.hpp>
#include <fovea/train/classification_trainer.hpp>
#include <fovea/train/efficientdet_trainer.hpp>
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

// The trainer of each kind of table with its settings.
template <class Settings>
Settings trainer_settings(const train_choice& c) {
    Settings s;
    s.max_norm = c.clip_norm;
    s.accumulation = c.accumulation;
    if (c.ema_decay > 0)
        s.ema = ema_settings{c.ema_decay, true};
    return s;
}

std::unique_ptr<ssd_trainer> make_trainer(const tables::ssdlite_table& table, const train_choice& c,
                                          training_network& net, executor& ex) {
    auto s = trainer_settings<ssd_trainer_settings>(c);
    s.loss = c.ssd;
    return std::make_unique<ssd_trainer>(net, table.boxes, make_optimizer(c, net.graph()), s, ex);
}
std::unique_ptr<efficientdet_trainer> make_trainer(const tables::efficientdet_table& table, const train_choice& c,
                                                   training_network& net, executor& ex) {
    auto s = trainer_settings<efficientdet_trainer_settings>(c);
    s.loss = c.efficientdet;
    return std::make_unique<efficientdet_trainer>(net, table.anchors, make_optimizer(c, net.graph()), s, ex);
}
template <class Table>
std::unique_ptr<classification_trainer> make_trainer(const Table&, const train_choice& c, training_network& net,
                                                     executor& ex) {
    auto s = trainer_settings<classification_trainer_settings>(c);
    s.loss.label_smoothing = c.label_smoothing;
    return std::make_unique<classification_trainer>(net, make_optimizer(c, net.graph()), s, ex);
}

// What each trainer takes and gives back.
template <class Trainer>
train_result run_step(Trainer& trainer, const float* images, const train_truths& truths, double learning_rate) {
    const auto r = trainer.step(images, truths.objects, learning_rate);
    return {r.loss.classification, r.loss.bbox_regression, r.gradient_norm, r.loss.positives, r.is_finite};
}
train_result run_step(classification_trainer& trainer, const float* images, const train_truths& truths,
                      double learning_rate) {
    const auto r = trainer.step(images, truths.labels, learning_rate);
    return {r.loss.classification, 0, r.gradient_norm, 0, r.is_finite};
}

template <class Table>
preset input_of(const Table& table) noexcept {
    if constexpr (std::is_same_v<Table, tables::ssdlite_table> || std::is_same_v<Table, tables::efficientdet_table>)
        return detector_preset(table);
    else
        return classifier_preset(table);
}

template <class Trainer>
class arch_train_engine final : public train_engine {
public:
    template <class Table>
    arch_train_engine(const Table& table, const train_choice& c)
        : threads_(std::max(1, c.threads)), program_(table), net_(program_.view(), {c.batch, c.recomputes, false}, threads_),
          input_(input_of(table)), frozen_(c.groups.frozen) {
        initialize(graph(), c.policy, c.seed, net_.parameters().values(), net_.parameters().buffers());
        net_.parameters().freeze([&](std::string_view key) { return is_frozen(key); });
        net_.parameters().freeze_statistics(
            [&](std::string_view module) { return c.frozen_statistics || is_frozen(module); });
        trainer_ = make_trainer(table, c, net_, threads_);
    }

    void load(const state_dict& weights, const load_options& options) override {
        load_pretrained(graph(), net_.parameters(), weights, options);
        trainer_->restart_average();
    }

    train_result step(const float* images, const train_truths& truths, double learning_rate) override {
        return run_step(*trainer_, images, truths, learning_rate);
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
    std::unique_ptr<Trainer> trainer_;
};

template <class Table>
using trainer_of = typename decltype(make_trainer(std::declval<const Table&>(), std::declval<const train_choice&>(),
                                                  std::declval<training_network&>(),
                                                  std::declval<executor&>()))::element_type;

std::unique_ptr<train_engine> make_arch_train_engine(const train_choice& choice) {
    return std::visit(
        [&](const auto& table) -> std::unique_ptr<train_engine> {
            return std::make_unique<arch_train_engine<trainer_of<std::decay_t<decltype(table)>>>>(table, choice);
        },
        choice.table);
}

} // namespace

FOVEA_DISPATCH(make_train_engine, make_arch_train_engine);

} // namespace fovea::cli
