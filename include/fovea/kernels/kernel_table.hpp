// Every kernel, by id, for graphs that are built at run time. A header of its own: whoever includes it
// compiles all kernels, while a model type compiles only those that its graph needs.
#pragma once

#include <fovea/kernels/registry.hpp>

#include <array>
#include <utility>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

template <std::size_t... I>
constexpr std::array<kernel, sizeof...(I)> all_kernels(std::index_sequence<I...>) noexcept {
    return {{kernel_for<static_cast<kernel_id>(I)>()...}};
}

} // namespace kernel_detail

inline constexpr auto kernel_table = kernel_detail::all_kernels(std::make_index_sequence<kernel_count>{});

FOVEA_ARCH_NAMESPACE_END
