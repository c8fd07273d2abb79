// From the type of a training kernel to the forward/backward pair that a program holds.
#pragma once

#include <fovea/arch.hpp>
#include <fovea/kernels/training_kernel.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

// What a kernel's type has unless it says otherwise: no memory of its own, nothing to prepare and nothing to
// sum up.
struct plain_training_kernel {
    static constexpr std::size_t packed_floats(const training_layer&) noexcept { return 0; }
    static constexpr std::size_t saved_floats(const training_layer&) noexcept { return 0; }
    static constexpr std::size_t scratch_floats(const training_layer&, int, int) noexcept { return 0; }
    static constexpr training_kernel::call prepare_forward = nullptr, finish = nullptr;
    static constexpr training_kernel::call prepare_backward = nullptr, finish_backward = nullptr;
    static constexpr training_kernel::range_call reduce = nullptr, reduce_backward = nullptr;
};

// `Kernel`: has name, forward and backward, and of plain_training_kernel what it does otherwise.
template <class Kernel>
constexpr training_kernel training_pair() noexcept {
    training_kernel k;
    k.name = Kernel::name;
    k.packed_floats = Kernel::packed_floats;
    k.saved_floats = Kernel::saved_floats;
    k.scratch_floats = Kernel::scratch_floats;
    k.prepare_forward = Kernel::prepare_forward;
    k.reduce = Kernel::reduce;
    k.finish = Kernel::finish;
    k.forward = Kernel::forward;
    k.prepare_backward = Kernel::prepare_backward;
    k.reduce_backward = Kernel::reduce_backward;
    k.finish_backward = Kernel::finish_backward;
    k.backward = Kernel::backward;
    return k;
}

FOVEA_ARCH_NAMESPACE_END
