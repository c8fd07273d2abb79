// What can be wrong with a table, and the one place where a wrong table becomes a compile error.
#pragma once

#include <string_view>

namespace fovea {

enum class fault : unsigned char {
    none,
    too_many_nodes,
    too_many_names,
    too_many_outputs,
    no_such_input,
    bad_channels,
    bad_groups,
    empty_map,
    shapes_differ,
    gate_shape,
    summands,
    shared_layer,
    shared_channels,
    not_pooled,
    row_mismatch,
    pool_padding,
    resize_size,
    table_channels,
    table_value,
    no_strided_row,
    no_output,
};

constexpr std::string_view explain(fault f) noexcept {
    constexpr std::string_view texts[] = {
        "no fault",
        "more nodes than the builder has room for (got: capacity)",
        "more names than the builder has room for (got: capacity)",
        "more outputs than the builder has room for (got: capacity)",
        "an input that does not exist (got: its id)",
        "a layer without output channels (got: channels)",
        "channels that the groups do not divide (got: channels, want a multiple of: groups)",
        "a window larger than its padded input (got: input side, want at least: window side)",
        "an addition of maps with different channels or sizes (got, want: elements)",
        "a gate that is not 1x1 with the map's channels (got, want: channels)",
        "a weighted sum of other than two or three maps (got, want: maps)",
        "a layer with the parameters of what is no convolution before it (got: its id)",
        "shared parameters on a map of other channels (got, want: channels)",
        "a linear layer on a map that is not 1x1 (got: height x width)",
        "an output whose channels are not whole rows (got: channels, want a multiple of: row)",
        "a pool padded by more than half of its window (got: padding, want at most: half the window)",
        "a resize to a size out of range (got: side, want: the nearest allowed)",
        "a table row whose input channels differ from the previous row's output (got, want: channels)",
        "a table value out of range (got: the value, want: the nearest allowed)",
        "a detector backbone without a strided row that expands",
        "a graph without outputs",
    };
    return texts[static_cast<int>(f)];
}

// The first fault found while a graph was built. For faults of a table, `node` is the row.
struct fault_report {
    fault kind = fault::none;
    int node = -1;
    int got = 0;
    int want = 0;
};

// Instantiated once by each model. A wrong table shows up as
//   error: ... graph_error<fovea::fault::table_channels, 3, 24, 16> ... "fovea: the model's table is wrong
//   ..."
template <fault Kind, int Node, int Got, int Want>
struct graph_error {
    static_assert(Kind == fault::none,
                  "fovea: the model's table is wrong; graph_error<fault, node or row, got, want> "
                  "above says how, fovea/graph/fault.hpp explains the fault");
    static constexpr bool ok = true;
};

} // namespace fovea
