// Runs a kernel without weights on one map: what the tests of pools and resizes are made of.
#pragma once

#include "simd_case.hpp"

#include <fovea/program/thread_executor.hpp>

namespace fovea::test {

inline map_layout padded_map(shape s) {
    return {s.height, s.width, s.channels, padded_channels(s.channels)};
}

// The output, dense, for a dense input. Fails when the kernel writes outside of its output.
template <class Kernel>
std::vector<float> run_on_map(const layer& l, const std::vector<float>& input, executor& ex) {
    const std::vector<float> x = with_stride(input, l.in.channels, l.in.stride);
    aligned_floats scratch(whole_cache_lines(Kernel::scratch_floats(l, false)) *
                           static_cast<std::size_t>(ex.concurrency()));
    guarded_map output(l.out);
    operands o;
    o.input = x.data();
    o.output = output.data();
    o.scratch = scratch.data();
    Kernel::run(l, o, ex);
    REQUIRE(output.is_guarded());
    return output.dense();
}

inline void check_close(const std::vector<float>& got, const std::vector<float>& expected) {
    REQUIRE(got.size() == expected.size());
    for (std::size_t i = 0; i < got.size(); ++i)
        REQUIRE(got[i] == Approx(expected[i]).epsilon(1e-6).margin(1e-6));
}

} // namespace fovea::test
