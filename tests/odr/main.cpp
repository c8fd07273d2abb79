// Runs the network of both translation units in one program: each must have kept its own instruction set.
#include <everything.hpp>

#include "unit.hpp"

#include <cmath>
#include <cstdio>
#include <string>

const char* baseline_version();

int main() {
    constexpr int skipped = 4;
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") == 0 || __builtin_cpu_supports("fma") == 0)
        return skipped;
    const unit_result sse2 = logits_sse2(), avx2 = logits_avx2();
    bool right = sse2.arch == std::string("sse2") && avx2.arch == std::string("avx2") &&
                 baseline_version() == std::string(fovea::arch_name) && sse2.logits.size() == 10;
    float largest = 0, difference = 0;
    for (std::size_t i = 0; i < sse2.logits.size(); ++i) {
        largest = std::max(largest, std::abs(sse2.logits[i]));
        difference = std::max(difference, std::abs(sse2.logits[i] - avx2.logits[i]));
    }
    right = right && largest > 0 && difference <= 1e-5F * largest;
    std::printf("%s and %s: largest logit %g, largest difference %g\n", sse2.arch, avx2.arch,
                static_cast<double>(largest), static_cast<double>(difference));
    return right ? 0 : 1;
}
