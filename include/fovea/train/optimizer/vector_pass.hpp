// One pass of vectors over arrays of equal length, in parallel: what optimizers, averages and clipping are
// made of.
#pragma once

#include <fovea/arch.hpp>
#include <fovea/kernels/simd/vector.hpp>
#include <fovea/program/executor.hpp>
#include <fovea/tensor/view.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

FOVEA_ARCH_NAMESPACE_BEGIN

// Numbers of one task. A number's result depends on nothing but its own inputs, and sums are made chunk by
// chunk, so this size and the executor change no bit of an update, and the executor changes none of a sum.
inline constexpr std::size_t pass_chunk = std::size_t(1) << 14;

constexpr std::size_t pass_chunks(std::size_t size) noexcept {
    return (size + pass_chunk - 1) / pass_chunk;
}

// f(chunk, begin, end) for the chunks of [0, size), by the executor's workers.
template <class Function>
void for_each_chunk(executor& ex, std::size_t size, const Function& f) noexcept {
    parallel_for(ex, ex.concurrency(), static_cast<int>(pass_chunks(size)), [&](int task, int) {
        const std::size_t chunk = static_cast<std::size_t>(task), begin = chunk * pass_chunk;
        f(chunk, begin, std::min(size, begin + pass_chunk));
    });
}

// Square root, rounded once. For 64-bit Arm xsimd 8 has 32-bit Arm's approximation.
FOVEA_INLINE vector square_root(vector x) noexcept {
#if defined(__aarch64__)
    return vector(vsqrtq_f32(x.data));
#else
    return xsimd::sqrt(x);
#endif
}

namespace pass_detail {

template <std::size_t Updated, std::size_t Read, class Rule>
FOVEA_INLINE void pass_vector(const Rule& rule, const std::array<float*, Updated>& updated,
                              const std::array<const float*, Read>& read, std::size_t i) noexcept {
    std::array<vector, Updated> values;
    std::array<vector, Read> inputs;
    FOVEA_UNROLL
    for (std::size_t k = 0; k < Updated; ++k)
        values[k] = vector::load_unaligned(updated[k] + i);
    FOVEA_UNROLL
    for (std::size_t k = 0; k < Read; ++k)
        inputs[k] = vector::load_unaligned(read[k] + i);
    rule(values, inputs);
    FOVEA_UNROLL
    for (std::size_t k = 0; k < Updated; ++k)
        values[k].store_unaligned(updated[k] + i);
}

} // namespace pass_detail

// rule(values, inputs) on vectors of places [begin, end): `updated` arrays are read and written, `read` ones
// read. The last places go through a vector of their own, so that every number takes the same instructions.
// The rule is a copy, which no store can reach: its constants stay in registers.
template <std::size_t Updated, std::size_t Read, class Rule>
void pass_over(std::array<float*, Updated> updated, std::array<const float*, Read> read, std::size_t begin,
               std::size_t end, Rule rule) noexcept {
    constexpr std::size_t lanes = vector::size;
    std::size_t i = begin;
    for (; i + lanes <= end; i += lanes)
        pass_detail::pass_vector(rule, updated, read, i);
    if (i == end)
        return;
    const std::size_t rest = end - i;
    float last[Updated + Read][lanes] = {};
    std::array<float*, Updated> last_updated;
    std::array<const float*, Read> last_read;
    for (std::size_t k = 0; k < Updated; ++k)
        last_updated[k] = std::copy_n(updated[k] + i, rest, last[k]) - rest;
    for (std::size_t k = 0; k < Read; ++k)
        last_read[k] = std::copy_n(read[k] + i, rest, last[Updated + k]) - rest;
    pass_detail::pass_vector(rule, last_updated, last_read, 0);
    for (std::size_t k = 0; k < Updated; ++k)
        std::copy_n(last[k], rest, updated[k] + i);
}

FOVEA_ARCH_NAMESPACE_END
