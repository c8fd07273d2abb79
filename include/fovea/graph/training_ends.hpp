// Which of a network's inputs and outputs training reads and writes where the caller has them; the others are
// copied into its memory and out of it.
#pragma once

#include <fovea/graph/plan.hpp>
#include <fovea/graph/training_steps.hpp>

namespace fovea {

// The input: where a kernel reads its pixels without padding. Only matrix products and first convolutions do.
constexpr bool is_read_densely(graph_view g, span<const training_step> steps, node_id input) noexcept {
    if (g[input].out.channels % channel_multiple == 0)
        return true;
    for (const training_step& s : steps)
        if (s.second == input || s.third == input || (s.input == input && !detail::is_ungrouped(g[s.node])))
            return false;
    return true;
}

namespace detail {

constexpr int count_training_uses(graph_view g, span<const training_step> steps, node_id v) noexcept {
    int uses = 0;
    for (const training_step& s : steps)
        uses += (s.input == v) + (s.second == v) + (s.third == v);
    for (const output_part& p : g.parts)
        uses += p.value == v;
    return uses;
}

} // namespace detail

// An output: where nothing else reads the value and its kernel, that of step `producer`, writes it without
// padding. producer < 0: no step computes it.
constexpr bool is_written_densely(graph_view g, span<const training_step> steps, node_id v,
                                  int producer) noexcept {
    return producer >= 0 && detail::is_ungrouped(g[steps[static_cast<std::size_t>(producer)].node]) &&
           detail::count_training_uses(g, steps, v) == 1;
}

} // namespace fovea
