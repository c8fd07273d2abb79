// A portable program: prints the instruction set that it runs on. Exits with 1 when a sum is wrong, with 2
// and the error when nothing can be chosen.
#include "unit.hpp"

#include "shared.hpp"

#include <cstdio>
#include <cstring>

namespace {

bool gives_right_sums() {
    const std::vector<float> numbers{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17};
    const auto summer = test::make_summer(0.5F);
    bool caught = false;
    try {
        summer->sum_of_squares({});
    } catch (const fovea::input_error& e) { // thrown by a unit: the type is the same one
        caught = std::strstr(e.what(), test::unit_arch.arch()) != nullptr;
    }
    return caught && summer->sum_of_squares(numbers) == 892.5F &&
           test::operations[0].run(numbers, 2.0F) == 340.0F;
}

} // namespace

int main() {
    try {
        const bool right = gives_right_sums() && std::strcmp(test::unit_arch(), test::unit_arch.arch()) == 0;
        std::puts(test::unit_arch());
        return right ? 0 : 1;
    } catch (const fovea::error& e) {
        std::puts(e.what());
        return 2;
    }
}
