// Activations in training kernels: the function and its derivative on vectors, by the formulas of
// kernels/reference/activation.hpp.
#pragma once

#include <fovea/kernels/simd/activation.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

// f'(x), with torch's values at kinks.
template <activation Act, class Vector>
FOVEA_INLINE Vector derivative(Vector x) noexcept {
    const Vector zero(0.0F), one(1.0F);
    if constexpr (Act == activation::hardsigmoid)
        return xsimd::select((x > Vector(-3.0F)) & (x < Vector(3.0F)), Vector(1.0F / 6.0F), zero);
    else if constexpr (Act == activation::hardswish) {
        const Vector slope = multiply_add(x, Vector(1.0F / 3.0F), Vector(0.5F));
        return xsimd::select(x < Vector(-3.0F), zero, xsimd::select(x >= Vector(3.0F), one, slope));
    } else {
        array_of<Vector, 1> s{x};
        apply_sigmoid<false, Vector, 1>(s);
        if constexpr (Act == activation::sigmoid)
            return s[0] * (one - s[0]);
        else if constexpr (Act == activation::silu)
            return s[0] * multiply_add(x, one - s[0], one);
        else
            return xsimd::select(x > Vector(20.0F), one, s[0]); // softplus
    }
}

// An activation known to the compiler: loops around it are straight code.
template <activation Act>
struct known_activation {
    // x = f(x), of N vectors.
    template <class Vector, int N>
    FOVEA_INLINE void apply(array_of<Vector, N>& x) const noexcept {
        FOVEA_UNROLL
        for (int i = 0; i < N; ++i) {
            if constexpr (Act == activation::relu)
                x[i] = xsimd::max(Vector(0.0F), x[i]);
            else if constexpr (Act == activation::relu6)
                x[i] = clamp(x[i], 0.0F, 6.0F);
            else if constexpr (Act == activation::hardswish)
                x[i] = x[i] * hardsigmoid(x[i]);
        }
    }
    // gradient *= f'(x), of N vectors.
    template <class Vector, int N>
    FOVEA_INLINE void differentiate(const array_of<Vector, N>& x,
                                    array_of<Vector, N>& gradient) const noexcept {
        const Vector zero(0.0F);
        FOVEA_UNROLL
        for (int i = 0; i < N; ++i) {
            if constexpr (Act == activation::relu)
                gradient[i] = xsimd::select(x[i] > zero, gradient[i], zero);
            else if constexpr (Act == activation::relu6)
                gradient[i] = xsimd::select((x[i] > zero) & (x[i] < Vector(6.0F)), gradient[i], zero);
            else if constexpr (Act == activation::hardswish)
                gradient[i] = gradient[i] * derivative<Act>(x[i]);
        }
    }
};

// Any other: the form is chosen at each vector, which costs little beside an exponential.
struct other_activation {
    activation act;

    template <class Vector, int N>
    FOVEA_INLINE void apply(array_of<Vector, N>& x) const noexcept {
        if (act == activation::sigmoid)
            activate_vectors<activation::sigmoid, Vector, N>(x);
        else if (act == activation::silu)
            activate_vectors<activation::silu, Vector, N>(x);
        else if (act == activation::softplus)
            activate_vectors<activation::softplus, Vector, N>(x);
        else
            activate_vectors<activation::hardsigmoid, Vector, N>(x);
    }
    template <class Vector, int N>
    FOVEA_INLINE void differentiate(const array_of<Vector, N>& x,
                                    array_of<Vector, N>& gradient) const noexcept {
        if (act == activation::sigmoid)
            differentiate_as<activation::sigmoid, Vector, N>(x, gradient);
        else if (act == activation::silu)
            differentiate_as<activation::silu, Vector, N>(x, gradient);
        else if (act == activation::softplus)
            differentiate_as<activation::softplus, Vector, N>(x, gradient);
        else
            differentiate_as<activation::hardsigmoid, Vector, N>(x, gradient);
    }

private:
    template <activation Act, class Vector, int N>
    static FOVEA_INLINE void differentiate_as(const array_of<Vector, N>& x,
                                              array_of<Vector, N>& gradient) noexcept {
        FOVEA_UNROLL
        for (int i = 0; i < N; ++i)
            gradient[i] = gradient[i] * derivative<Act>(x[i]);
    }
};

// Calls f(activation object), one of the two kinds above.
template <class Function>
FOVEA_INLINE void with_activation(activation act, const Function& f) noexcept {
    switch (act) {
    case activation::identity:
        return f(known_activation<activation::identity>{});
    case activation::relu:
        return f(known_activation<activation::relu>{});
    case activation::relu6:
        return f(known_activation<activation::relu6>{});
    case activation::hardswish:
        return f(known_activation<activation::hardswish>{});
    default:
        return f(other_activation{act});
    }
}

} // namespace kernel_detail

FOVEA_ARCH_NAMESPACE_END
