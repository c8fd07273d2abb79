// Random numbers of training: initial weights, dropout masks and augmentation draw from streams of these.
#pragma once

#include <fovea/tensor/view.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace fovea {

// What a random_stream is, whole: a checkpoint saves these two numbers.
struct random_state {
    std::uint64_t key = 0;     // which stream
    std::uint64_t counter = 0; // how many numbers have been drawn

    friend constexpr bool operator==(random_state a, random_state b) noexcept {
        return a.key == b.key && a.counter == b.counter;
    }
    friend constexpr bool operator!=(random_state a, random_state b) noexcept { return !(a == b); }
};

namespace detail {

// A bijection of 64-bit numbers in which every input bit moves about half of the output bits: the finalizer
// of SplitMix64 (Steele, Lea and Flood 2014).
constexpr std::uint64_t mix_bits(std::uint64_t x) noexcept {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

// ln x for normal, positive x, to about 1e-16 of relative error. All sums are explicit fused operations: the
// same bits on every machine, whatever the compiler contracts and whatever libm there is.
inline double portable_log(double x) noexcept {
    int exponent = 0;
    double mantissa = std::frexp(x, &exponent);
    if (mantissa < 0.70710678118654752) {
        mantissa *= 2;
        --exponent;
    }
    const double s = (mantissa - 1) / (mantissa + 1), s2 = s * s; // ln m = 2 atanh s, |s| <= 0.1716
    double series = 1.0 / 23;
    for (int odd = 21; odd >= 3; odd -= 2)
        series = std::fma(series, s2, 1.0 / odd);
    const double log_mantissa = 2 * std::fma(s * s2, series, s);
    return std::fma(static_cast<double>(exponent), 0.69314718055994531, log_mantissa);
}

} // namespace detail

// A stream of random numbers, fixed by a seed and the stream's own number: number i is a function of (seed,
// stream, i) alone, so that work cut into tasks draws the same numbers in any order (at()), and equal on
// every machine. Streams of one seed are independent: give each purpose, epoch or image its own.
class random_stream {
public:
    constexpr explicit random_stream(std::uint64_t seed = 0, std::uint64_t stream_id = 0) noexcept
        : state_{detail::mix_bits(detail::mix_bits(seed + step) + step * stream_id), 0} {}
    constexpr explicit random_stream(random_state state) noexcept : state_(state) {}

    constexpr random_state state() const noexcept { return state_; }
    constexpr void set_state(random_state state) noexcept { state_ = state; }

    // The 64 bits that next_u64() returns as call number i, from 0. Moves nothing.
    constexpr std::uint64_t at(std::uint64_t i) const noexcept {
        return detail::mix_bits(state_.key + step * (i + 1));
    }
    constexpr std::uint64_t next_u64() noexcept { return at(state_.counter++); }

    // [0, 1) in steps of 2^-24, every value exact in float.
    static constexpr float to_uniform(std::uint64_t bits) noexcept {
        return static_cast<float>(bits >> 40) * 0x1p-24f;
    }
    constexpr float uniform() noexcept { return to_uniform(next_u64()); }
    // [0, 1) in steps of 2^-53.
    constexpr double uniform_double() noexcept { return static_cast<double>(next_u64() >> 11) * 0x1p-53; }
    // [low, high]; the upper end only by rounding.
    double uniform(double low, double high) noexcept { return std::fma(uniform_double(), high - low, low); }

    // One of 0 ... count - 1, each equally likely; 0 for count 0.
    constexpr std::uint64_t below(std::uint64_t count) noexcept {
        if (count < 2)
            return 0;
        const std::uint64_t skewed = (0 - count) % count; // 2^64 mod count: so many numbers are too many
        std::uint64_t bits = next_u64();
        while (bits < skewed)
            bits = next_u64();
        return bits % count;
    }

    // True with this probability; never for 0 or NaN, always for 1.
    constexpr bool chance(double probability) noexcept { return uniform_double() < probability; }

    // N(0, 1), by Marsaglia's polar method. Draws two numbers for each try (1.27 tries on average).
    double normal() noexcept {
        for (;;) {
            const double x = 2 * uniform_double() - 1, y = 2 * uniform_double() - 1;
            const double squared = std::fma(x, x, y * y);
            if (squared < 1 && squared > 0)
                return x * std::sqrt(-2 * detail::portable_log(squared) / squared);
        }
    }
    double normal(double mean, double std) noexcept { return std::fma(normal(), std, mean); }

private:
    static constexpr std::uint64_t step = 0x9e3779b97f4a7c15u; // 2^64 / golden ratio, odd

    random_state state_;
};

// Puts items into a random order, each of the size! orders equally likely (Fisher and Yates); the order
// depends on the stream alone.
template <class T>
void shuffle(span<T> items, random_stream& random) noexcept {
    for (std::size_t left = items.size(); left > 1; --left) {
        using std::swap;
        swap(items[left - 1], items[static_cast<std::size_t>(random.below(left))]);
    }
}

} // namespace fovea
