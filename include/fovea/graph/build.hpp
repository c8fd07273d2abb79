// From a table to the builder's content, as a constant.
#pragma once

#include <fovea/graph/builder.hpp>

namespace fovea::detail {

// What build_graph() pushes for a table with static storage.
template <const auto& Table>
constexpr auto build() noexcept {
    builder<node_capacity(Table)> b;
    build_graph(b, Table);
    if (b.first_fault().kind == fault::none && b.view().parts.empty())
        b.fail({fault::no_output, b.node_count(), 0, 1});
    return b;
}

} // namespace fovea::detail
