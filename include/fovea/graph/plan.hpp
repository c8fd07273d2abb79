// The memory plan: a place in one arena for every value that lives between steps, reusing what is no longer
// read.
#pragma once

#include <fovea/graph/fuse.hpp>

#include <algorithm>
#include <limits>

namespace fovea {

// Floats of a value in the arena.
constexpr std::size_t arena_floats(shape s) noexcept {
    return whole_cache_lines(padded_floats(s));
}

enum class place : unsigned char { none, input, arena, output };

// Where a value lives: floats from the start of the arena, or from the start of an image's part of an output.
struct memory_place {
    place where = place::none;
    int part = -1; // of place::output: index into graph_view::parts
    std::size_t offset = 0;
};

template <std::size_t Capacity>
struct memory_plan {
    std::array<memory_place, Capacity> values{}; // by node id
    std::size_t floats = 0;                      // of the arena
};

namespace detail {

// A block of the arena in use until a step has run.
struct live_block {
    std::size_t begin = 0, end = 0;
    int last_step = 0;
};

// Blocks in use, sorted by begin. First fit; only the live list is ever scanned, and not what is known to
// have no gap or nothing to release: in training most values live for long, and compilers count their steps.
template <std::size_t Capacity>
class arena_planner {
public:
    constexpr void release_before(int step) noexcept {
        if (earliest_ >= step)
            return;
        live_block* const blocks = blocks_.data();
        std::size_t kept = 0;
        earliest_ = std::numeric_limits<int>::max();
        for (std::size_t i = 0; i < count_; ++i) {
            const int last = blocks[i].last_step;
            if (last < step) {
                packed_ = kept < packed_ ? kept : packed_;
                continue;
            }
            if (kept < i)
                blocks[kept] = blocks[i];
            ++kept;
            earliest_ = last < earliest_ ? last : earliest_;
        }
        count_ = kept;
    }
    constexpr std::size_t reserve(std::size_t floats, int last_step) noexcept {
        live_block* const blocks = blocks_.data();
        std::size_t i = packed_, begin = packed_ == 0 ? 0 : blocks[packed_ - 1].end;
        for (; i < count_ && blocks[i].begin < begin + floats; ++i)
            begin = blocks[i].end;
        for (std::size_t k = count_; k > i; --k)
            blocks[k] = blocks[k - 1];
        blocks[i] = {begin, begin + floats, last_step};
        ++count_;
        earliest_ = last_step < earliest_ ? last_step : earliest_;
        while (packed_ < count_ && blocks[packed_].begin == (packed_ == 0 ? 0 : blocks[packed_ - 1].end))
            ++packed_;
        if (begin + floats > high_water_)
            high_water_ = begin + floats;
        return begin;
    }
    constexpr std::size_t high_water() const noexcept { return high_water_; }

private:
    std::array<live_block, Capacity> blocks_{};
    std::size_t count_ = 0;
    std::size_t packed_ = 0;                         // blocks from the first on without a gap
    int earliest_ = std::numeric_limits<int>::max(); // step up to which nothing is released
    std::size_t high_water_ = 0;
};

// The last step that reads each value.
template <std::size_t Capacity>
constexpr std::array<int, Capacity> last_reads(span<const step> steps) noexcept {
    std::array<int, Capacity> last{};
    for (std::size_t s = 0; s < steps.size(); ++s)
        for (node_id x : {steps[s].input, steps[s].gate, steps[s].residual, steps[s].third})
            if (x >= 0)
                last[static_cast<std::size_t>(x)] = static_cast<int>(s);
    return last;
}

// The node that reads a step's input.
constexpr node_id first_node(const step& s) noexcept {
    return s.expand.node >= 0 ? s.expand.node : s.depthwise.node >= 0 ? s.depthwise.node : s.node;
}

// True when a step reads the graph's input in whole vectors: it is then copied into the arena with padded
// channels.
constexpr bool needs_padding(graph_view g, span<const step> steps, node_id input) noexcept {
    for (const step& s : steps)
        if (s.node >= 0 && (s.residual == input || s.third == input || s.gate == input ||
                            (s.input == input && (s.gate >= 0 || !is_ungrouped(g[first_node(s)])))))
            return true;
    return false;
}

} // namespace detail

// Places every value for the given shapes (one a node). Values that only an output reads are written straight
// to it. With keep_values no memory is reused, so that every value can be looked at after a forward pass.
template <std::size_t Capacity>
constexpr void plan_memory(graph_view g, span<const step> steps, span<const shape> shapes,
                           memory_plan<Capacity>& plan, bool keep_values = false) noexcept {
    const auto at = [](node_id i) { return static_cast<std::size_t>(i); };
    for (std::size_t p = 0; p < g.parts.size(); ++p) {
        bool copied = false;
        for (const step& s : steps)
            copied = copied || s.output == static_cast<int>(p);
        if (!copied)
            plan.values[at(g.parts[p].value)] = {place::output, static_cast<int>(p), 0};
    }
    const auto last = detail::last_reads<Capacity>(steps);
    detail::arena_planner<Capacity> arena;
    for (node_id i = 0; i < g.size(); ++i)
        if (g[i].kind == op::input)
            plan.values[at(i)] =
                detail::needs_padding(g, steps, i)
                    ? memory_place{place::arena, -1, arena.reserve(arena_floats(shapes[at(i)]), last[at(i)])}
                    : memory_place{place::input, -1, 0};
    for (std::size_t s = 0; s < steps.size(); ++s)
        for (node_id v : {steps[s].value, steps[s].pool}) {
            if (v < 0 || plan.values[at(v)].where == place::output)
                continue;
            if (!keep_values)
                arena.release_before(static_cast<int>(s));
            const int last_step = std::max(last[at(v)], static_cast<int>(s));
            plan.values[at(v)] = {place::arena, -1, arena.reserve(arena_floats(shapes[at(v)]), last_step)};
        }
    plan.floats = arena.high_water();
}

} // namespace fovea
