// How single losses become one number, and the checks of sizes that all losses share.
#pragma once

#include <fovea/error.hpp>
#include <fovea/tensor/view.hpp>

#include <cstddef>
#include <limits>
#include <string>

namespace fovea {

// torch's reductions. Its "none" is the loss functions' optional `losses` argument: the gradient is then the
// one of their sum or mean.
enum class reduction { mean, sum };

namespace loss_detail {

inline void require_size(const char* who, const char* what, std::size_t got, std::size_t want) {
    if (got != want)
        throw input_error(std::string(who) + ": " + what + " has " + std::to_string(got) +
                          " values, expected " + std::to_string(want));
}

inline void require_optional(const char* who, const char* what, std::size_t got, std::size_t want) {
    if (got != 0)
        require_size(who, what, got, want);
}

inline void require_smoothing(const char* who, double label_smoothing) {
    if (!(label_smoothing >= 0 && label_smoothing <= 1))
        throw input_error(std::string(who) + ": label_smoothing is " + std::to_string(label_smoothing) +
                          ", expected 0 .. 1");
}

// What each gradient is multiplied by.
constexpr double scale_of(reduction r, std::size_t count) noexcept {
    return r == reduction::sum || count == 0 ? 1.0 : 1.0 / static_cast<double>(count);
}

constexpr double reduced(reduction r, double sum, std::size_t count) noexcept {
    if (r == reduction::sum)
        return sum;
    return count == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / static_cast<double>(count);
}

} // namespace loss_detail

} // namespace fovea
