// The weights of a program in one block of memory, folded and packed as its kernels read them.
#pragma once

#include <fovea/program/layers.hpp>
#include <fovea/program/memory.hpp>
#include <fovea/program/program_view.hpp>
#include <fovea/program/weights.hpp>

#include <vector>

FOVEA_ARCH_NAMESPACE_BEGIN

class packed_weights {
public:
    // Throws weights_error.
    packed_weights(const program_view& program, const weight_map& weights) {
        std::size_t floats = 0;
        for (std::size_t s = 0; s < program.steps.size(); ++s) {
            offsets_.push_back(floats);
            floats += whole_cache_lines(
                program.kernels[s].packed_floats(layer_channels(program.graph, program.steps[s])));
        }
        floats_.resize(floats);
        for (std::size_t s = 0; s < program.steps.size(); ++s) {
            const layer l = layer_channels(program.graph, program.steps[s]);
            if (program.kernels[s].packed_floats(l) > 0)
                pack(program.kernels[s], program.steps[s], weights, l, floats_.data() + offsets_[s]);
        }
    }

    // Of step s.
    const float* of(std::size_t s) const noexcept { return floats_.data() + offsets_[s]; }
    std::size_t floats() const noexcept { return floats_.size(); }

private:
    // Folds the layers of a step, first to last, and packs them.
    static void pack(const kernel& k, const step& s, const weight_map& weights, const layer& l,
                     float* packed) {
        const folded_layer own = weights.fold(s);
        const folded_layer depthwise = s.depthwise.node < 0 ? folded_layer{} : weights.fold(s.depthwise);
        const folded_layer expand = s.expand.node < 0 ? folded_layer{} : weights.fold(s.expand);
        const folded_weights first{expand.weight, expand.bias};
        const folded_weights second{depthwise.weight, depthwise.bias, &first};
        k.pack(l, {own.weight, own.bias, s.depthwise.node < 0 ? &first : &second}, packed);
    }

    std::vector<std::size_t> offsets_; // by step
    aligned_floats floats_;
};

FOVEA_ARCH_NAMESPACE_END
