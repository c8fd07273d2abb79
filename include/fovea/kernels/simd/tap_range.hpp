// Which taps of a sliding window lie inside the map.
#pragma once

#include <fovea/arch.hpp>

#include <algorithm>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

// The taps of a window that lie inside the input along one axis: [begin, end).
struct tap_range {
    int begin, end;

    // `first`: input coordinate under tap 0.
    constexpr tap_range(int first, int kernel, int dilation, int size) noexcept
        : begin(first >= 0 ? 0 : (-first + dilation - 1) / dilation),
          end(first >= size ? 0 : std::min(kernel, (size - 1 - first) / dilation + 1)) {}

    constexpr int count() const noexcept { return std::max(0, end - begin); }
};

} // namespace kernel_detail

FOVEA_ARCH_NAMESPACE_END
