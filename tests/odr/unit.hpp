// What each translation unit of the ODR test computes with the same network, weights and image.
#pragma once

#include <vector>

struct unit_result {
    const char* arch;
    std::vector<float> logits;
};

unit_result logits_sse2();
unit_result logits_avx2();
