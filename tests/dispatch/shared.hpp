// Inline code outside fovea's namespaces that the program and all its units use: what a linker merges.
#pragma once

#include <algorithm>
#include <vector>

namespace test {

// The compiler makes vector code of the loop, not inlined, so that each translation unit has a copy.
template <class Number>
[[gnu::noinline]] Number scaled_sum(const std::vector<Number>& numbers, Number scale) {
    std::vector<Number> scaled(numbers);
    std::sort(scaled.begin(), scaled.end());
    for (Number& number : scaled)
        number = number * scale + scale;
    Number sum{};
    for (const Number number : scaled)
        sum += number;
    return sum;
}

// A table whose functions would be those of whichever unit the linker takes it from.
struct operation {
    float (*run)(const std::vector<float>&, float);
};
inline const operation operations[] = {{&scaled_sum<float>}};

} // namespace test
