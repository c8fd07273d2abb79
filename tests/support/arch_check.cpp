// Compiled with each test program's own flags: ends the program with code 4, "skipped" to ctest, when the
// processor lacks the instruction set, before any code that could use it.
#include <unistd.h>

namespace {

bool has_instruction_set() {
    bool supported = true;
#if defined(__x86_64__)
    __builtin_cpu_init();
#if defined(__AVX2__)
    supported = supported && __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
#endif
#if defined(__AVX512F__)
    supported = supported && __builtin_cpu_supports("avx512f") != 0 &&
                __builtin_cpu_supports("avx512cd") != 0 && __builtin_cpu_supports("avx512dq") != 0 &&
                __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512vl") != 0;
#endif
#endif
    return supported;
}

// Runs before the constructors of all static objects, which have later priorities.
__attribute__((constructor(101))) void skip_without_instruction_set() {
    constexpr int skipped = 4;
    if (!has_instruction_set())
        _exit(skipped);
}

} // namespace
