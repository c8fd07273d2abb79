// Float arithmetic that must round after every operation, wherever results are compared bit for bit with a
// reference.
#pragma once

#include <type_traits>

namespace fovea {

// The value itself, already rounded: an optimiser with FMA cannot contract the product inside into a sum
// outside. Compilers do so by default (-ffp-contract=fast), which changes last bits from one instruction set
// to the next.
template <class Float>
inline Float rounded(Float value) noexcept {
    static_assert(std::is_floating_point_v<Float>, "a float or a double");
#if defined(__GNUC__) && defined(__x86_64__)
    __asm__("" : "+x"(value));
#elif defined(__GNUC__) && defined(__aarch64__)
    __asm__("" : "+w"(value));
#endif
    return value;
}

} // namespace fovea
