// Every forward/backward pair, by id, for graphs that are built at run time. A header of its own, as
// kernel_table.hpp is: whoever includes it compiles all pairs.
#pragma once

#include <fovea/kernels/training_registry.hpp>

#include <array>
#include <utility>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

template <std::size_t... I>
constexpr std::array<training_kernel, sizeof...(I)> all_training_kernels(std::index_sequence<I...>) noexcept {
    return {{training_kernel_for<static_cast<training_kernel_id>(I)>()...}};
}

} // namespace kernel_detail

inline constexpr auto training_kernel_table =
    kernel_detail::all_training_kernels(std::make_index_sequence<training_kernel_count>{});

FOVEA_ARCH_NAMESPACE_END
