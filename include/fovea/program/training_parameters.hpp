// The numbers that training changes: parameters, their gradients and running statistics, and which of them are
// frozen.
#pragma once

#include <fovea/program/memory.hpp>
#include <fovea/train/flat_weights.hpp>

#include <algorithm>
#include <vector>

namespace fovea {

// All learnable parameters in one array in torch's layouts (order: for_each_parameter without buffers), their
// gradients in another, running statistics in a third: optimizers and checkpoints see plain numbers. Zero at first.
class training_parameters {
public:
    // A parameter or buffer and where it begins in its array.
    struct placed {
        parameter what;
        std::size_t place = 0;
        bool is_trained = true;
    };

    explicit training_parameters(graph_view g)
        : g_(g), values_(static_cast<std::size_t>(count_parameters(g))), gradients_(values_.size()),
          buffers_(static_cast<std::size_t>(count_buffers(g))), trained_nodes_(g.nodes.size(), true),
          running_norms_(g.nodes.size(), false) {
        detail::for_each_flat(g, [&](const parameter& p, std::size_t place) {
            all_.push_back({p, place, !is_buffer(p.kind)});
        });
    }

    span<float> values() noexcept { return {values_.data(), values_.size()}; }
    span<const float> values() const noexcept { return {values_.data(), values_.size()}; }
    span<float> gradients() noexcept { return {gradients_.data(), gradients_.size()}; }
    void zero_gradients() noexcept { std::fill_n(gradients_.data(), gradients_.size(), 0.0F); }
    span<float> buffers() noexcept { return {buffers_.data(), buffers_.size()}; }
    span<const float> buffers() const noexcept { return {buffers_.data(), buffers_.size()}; }
    span<const placed> all() const noexcept { return all_; }

    // Weights by name, in torch's terms. Throws as from_state_dict() does; nothing changes then.
    void load(const state_dict& weights) { from_state_dict(g_, weights, values(), buffers()); }
    state_dict state() const { return to_state_dict(g_, values(), buffers()); }

    // Freezes the learnable parameters whose keys `frozen(key)` names, and no others.
    template <class Predicate>
    void freeze(const Predicate& frozen) {
        trained_nodes_.assign(trained_nodes_.size(), false);
        for (placed& p : all_) {
            p.is_trained = !is_buffer(p.what.kind) && !frozen(key_of(g_, p.what).view());
            if (p.is_trained)
                trained_nodes_[static_cast<std::size_t>(p.what.owner)] = true;
        }
    }
    // Batch-norms whose module names `frozen(name)` names normalise by their running statistics, which then stay.
    template <class Predicate>
    void freeze_statistics(const Predicate& frozen) {
        for (node_id i = 0; i < g_.size(); ++i)
            running_norms_[static_cast<std::size_t>(i)] =
                g_[i].kind == op::batch_norm && frozen(full_name(g_.names, g_[i].name).view());
    }
    // Whether any parameter that node i uses is trained; whether it is a batch-norm that uses its running
    // statistics.
    bool trains(node_id i) const noexcept { return trained_nodes_[static_cast<std::size_t>(owner_of(g_, i))]; }
    bool uses_running(node_id i) const noexcept { return running_norms_[static_cast<std::size_t>(i)]; }

    // One more batch for the counters of batch-norms that take statistics.
    void count_batch() noexcept {
        for (const placed& p : all_)
            if (p.what.kind == parameter_kind::num_batches_tracked && !uses_running(p.what.owner))
                buffers_.data()[p.place] += 1;
    }

private:
    graph_view g_;
    aligned_floats values_, gradients_, buffers_;
    std::vector<placed> all_;
    std::vector<bool> trained_nodes_, running_norms_; // by node
};

} // namespace fovea
