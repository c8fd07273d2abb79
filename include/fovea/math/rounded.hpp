// Float arithmetic that must round after every operation, wherever results are compared bit for bit with a
// reference.
#pragma once

namespace fovea {

// The value itself, already rounded: an optimiser with FMA cannot contract the product inside into a sum
// outside. Compilers do so by default (-ffp-contract=fast), which changes last bits from one instruction set
// to the next.
inline float rounded(float value) noexcept {
#if defined(__GNUC__) && defined(__x86_64__)
    __asm__("" : "+x"(value));
#elif defined(__GNUC__) && defined(__aarch64__)
    __asm__("" : "+w"(value));
#endif
    return value;
}

inline double rounded(double value) noexcept {
#if defined(__GNUC__) && defined(__x86_64__)
    __asm__("" : "+x"(value));
#elif defined(__GNUC__) && defined(__aarch64__)
    __asm__("" : "+w"(value));
#endif
    return value;
}

} // namespace fovea
