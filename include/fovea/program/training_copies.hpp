// Copies at the ends of a training network, between the caller's dense maps and padded ones in the arena.
#pragma once

#include <fovea/arch.hpp>
#include <fovea/program/training_calls.hpp>

#include <algorithm>

FOVEA_ARCH_NAMESPACE_BEGIN

// Of one pass. A value that is also read elsewhere, or that no kernel writes without padding, is copied out
// at the end; the gradient of such an output is copied in.
class training_copies {
public:
    training_copies(graph_view g, const planned_training& p, const training_addresses& a) noexcept
        : g_(g), p_(p), a_(a) {}

    // The images, where kernels read them with padding.
    void read_images() const noexcept {
        const memory_place& where = p_.plan.values[0];
        if (where.where == place::arena)
            move_maps(a_.images, layout_of_value(0, {place::input, -1, 0}), a_.arena + where.offset,
                      arena_layout(0));
    }
    void write_output(int part) const noexcept {
        const node_id v = g_.parts[at(part)].value;
        const memory_place& where = p_.plan.values[at(v)];
        if (where.where != place::output)
            move_maps(where.where == place::input ? a_.images : a_.arena + where.offset,
                      layout_of_value(v, where), a_.outputs[at(part)], part_layout(part));
    }
    void read_output_gradient(int part) const noexcept {
        const node_id v = g_.parts[at(part)].value;
        const memory_place& where = p_.plan.gradients[at(v)];
        if (where.where != place::arena)
            return;
        bool adds = false; // to an output's that came before
        for (int p = 0; p < part; ++p)
            adds = adds || g_.parts[at(p)].value == v;
        const batch_layout to =
            g_[v].kind == op::input ? layout_of_value(0, p_.plan.values[0]) : arena_layout(v);
        move_maps(a_.output_gradients[at(part)], part_layout(part), a_.arena + where.offset, to, adds);
    }

private:
    static std::size_t at(int i) noexcept { return static_cast<std::size_t>(i); }

    batch_layout layout_of_value(node_id v, const memory_place& where) const noexcept {
        return batch_layout_of(g_, p_.shapes, v, where);
    }
    batch_layout arena_layout(node_id v) const noexcept { return layout_of_value(v, {place::arena, -1, 0}); }
    batch_layout part_layout(int part) const noexcept {
        return layout_of_value(g_.parts[at(part)].value, {place::output, part, 0});
    }
    // Copies or adds the maps of a batch from one layout to another; padding becomes zero or stays.
    void move_maps(const float* from, const batch_layout& in, float* to, const batch_layout& out,
                   bool adds = false) const noexcept {
        for (int n = 0; n < p_.options.batch; ++n)
            for (std::ptrdiff_t p = 0; p < in.map.pixels(); ++p) {
                const float* const source = from + n * in.image_stride + p * in.map.stride;
                float* const target = to + n * out.image_stride + p * out.map.stride;
                for (int c = 0; c < in.map.channels; ++c)
                    target[c] = source[c] + (adds ? target[c] : 0.0F);
                if (!adds)
                    std::fill(target + in.map.channels, target + out.map.stride, 0.0F);
            }
    }

    graph_view g_;
    const planned_training& p_;
    const training_addresses& a_;
};

FOVEA_ARCH_NAMESPACE_END
