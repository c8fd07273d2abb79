// The functions of the dispatch tests' program that it has once for each instruction set.
#pragma once

#include <fovea/dispatch.hpp>

#include <memory>
#include <vector>

namespace test {

// Sums, through a virtual function as an engine would have them.
class summer {
public:
    virtual ~summer() = default;
    // Throws fovea::input_error when there are no numbers.
    virtual float sum_of_squares(const std::vector<float>& numbers) = 0;
};

extern const fovea::dispatched<std::unique_ptr<summer>(float scale)> make_summer;
extern const fovea::dispatched<const char*()> unit_arch;

} // namespace test
