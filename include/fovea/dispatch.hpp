// Functions that one program has once for each instruction set, and the choice between them when the program
// runs; the CMake function fovea_dispatch() compiles them.
#pragma once

#include <fovea/error.hpp>
#include <fovea/tensor/view.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

namespace fovea {

// Better ones follow lesser ones. The enumerators are the names in arch.hpp.
enum class instruction_set { neon64, sse2, avx2, avx512 };

constexpr const char* name_of(instruction_set set) noexcept {
    constexpr const char* names[] = {"neon64", "sse2", "avx2", "avx512"};
    return names[static_cast<int>(set)];
}

// Whether the processor has all that the set's units are compiled for, and the operating system keeps its
// registers (CPUID and XCR0).
inline bool is_supported(instruction_set set) noexcept {
#if defined(__x86_64__)
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
    const bool avx512 = __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512cd") != 0 &&
                        __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
                        __builtin_cpu_supports("avx512vl") != 0;
    return set == instruction_set::sse2 || (set == instruction_set::avx2 && avx2) ||
           (set == instruction_set::avx512 && avx2 && avx512);
#else
    return set == instruction_set::neon64;
#endif
}

namespace detail {

// The last of `sets` that the processor has, or the one that is asked for by name.
// Throws input_error when there is none: an unknown name, or the processor lacks it.
template <class Supported>
instruction_set choose_instruction_set(span<const instruction_set> sets, std::string_view asked,
                                       const Supported& supported) {
    std::string compiled, usable;
    const instruction_set* chosen = nullptr;
    const instruction_set* named = nullptr;
    for (const instruction_set& set : sets) {
        const std::string name = name_of(set);
        compiled += (compiled.empty() ? "" : ", ") + name;
        if (name == asked)
            named = &set;
        if (!supported(set))
            continue;
        usable += (usable.empty() ? "" : ", ") + name;
        if (asked.empty() || named == &set)
            chosen = &set;
    }
    if (chosen != nullptr)
        return *chosen;
    if (asked.empty())
        throw input_error("compiled for " + compiled + ", which this processor lacks");
    const std::string asked_for = "FOVEA_ARCH=" + std::string(asked);
    if (named == nullptr)
        throw input_error(asked_for + ": expected an instruction set that is compiled in: " + compiled);
    throw input_error(asked_for + ": this processor or its operating system lacks it; expected one of " +
                      (usable.empty() ? "none" : usable));
}

} // namespace detail

template <class Signature>
class dispatched;

// A function of that signature which calls the one compiled for the best instruction set that the processor
// has, or for the environment's FOVEA_ARCH. Declared where it is called as
//     extern const fovea::dispatched<int(float)> f;
// and defined by FOVEA_DISPATCH(f, ...). The first use chooses, for good; it throws input_error when
// FOVEA_ARCH names a set that is unknown or that the processor lacks.
template <class Result, class... Arguments>
class dispatched<Result(Arguments...)> {
public:
    struct unit {
        instruction_set set;
        Result (*run)(Arguments...);
    };

    // Units in the sets' order. Constant-initialised, so that constructors of static objects may call it.
    template <class... Units>
    constexpr explicit dispatched(const Units*... units) noexcept
        : units_{units...}, count_(sizeof...(units)) {}

    Result operator()(Arguments... arguments) const {
        return chosen().run(std::forward<Arguments>(arguments)...);
    }

    // The instruction set whose code is called: "avx2".
    const char* arch() const { return name_of(chosen().set); }

private:
    static constexpr std::size_t max_units = 3;

    const unit& chosen() const {
        const unit* known = chosen_.load(std::memory_order_acquire);
        if (known == nullptr)
            chosen_.store(known = choose(), std::memory_order_release);
        return *known;
    }
    const unit* choose() const {
        std::array<instruction_set, max_units> sets{};
        for (std::size_t i = 0; i < count_; ++i)
            sets[i] = units_[i]->set;
        const char* asked = std::getenv("FOVEA_ARCH");
        const auto set = detail::choose_instruction_set({sets.data(), count_}, asked != nullptr ? asked : "",
                                                        is_supported);
        std::size_t i = 0;
        while (sets[i] != set)
            ++i;
        return units_[i];
    }

    const unit* units_[max_units];
    std::size_t count_;
    mutable std::atomic<const unit*> chosen_{nullptr};
};

} // namespace fovea

// FOVEA_DISPATCH(name, function): at namespace scope of the source file given to fovea_dispatch(), the
// definition of `name`, declared before as an extern const dispatched<...>, by a function of that signature.
// Such a file is compiled once a set. fovea_dispatch() defines for it either FOVEA_DISPATCH_ABOVE_BASELINE,
// or FOVEA_DISPATCH_ABOVE(apply, name), which applies a macro to the sets beside the baseline. In a file
// compiled as it is, with neither, `name` has the one set of the compiler's flags.
#define FOVEA_DISPATCH(name, function) FOVEA_DISPATCH_FOR(name, function, FOVEA_ARCH)
#define FOVEA_DISPATCH_FOR(name, function, arch) FOVEA_DISPATCH_UNIT(name, function, arch)

#define FOVEA_DISPATCH_DECLARE(name, arch) extern const decltype(name)::unit name##_fovea_##arch;
#define FOVEA_DISPATCH_ADDRESS(name, arch) , &name##_fovea_##arch

#ifdef FOVEA_DISPATCH_ABOVE_BASELINE
#define FOVEA_DISPATCH_UNIT(name, function, arch)                                                            \
    FOVEA_DISPATCH_DECLARE(name, arch)                                                                       \
    const decltype(name)::unit name##_fovea_##arch {                                                         \
        fovea::instruction_set::arch, &(function)                                                            \
    }
#else
#ifndef FOVEA_DISPATCH_ABOVE
#define FOVEA_DISPATCH_ABOVE(apply, name)
#endif
#define FOVEA_DISPATCH_UNIT(name, function, arch)                                                            \
    FOVEA_DISPATCH_ABOVE(FOVEA_DISPATCH_DECLARE, name)                                                       \
    static const decltype(name)::unit name##_fovea_##arch{fovea::instruction_set::arch, &(function)};        \
    decltype(name) name {                                                                                    \
        &name##_fovea_##arch FOVEA_DISPATCH_ABOVE(FOVEA_DISPATCH_ADDRESS, name)                              \
    }
#endif
