// What fovea_dispatch() refuses: a constructor that would run before an instruction set is chosen.
#include "unit.hpp"

namespace test {

namespace {

const std::vector<float> numbers(3, 1.5F);

const char* first_number() {
    return numbers.front() > 1 ? "more than one" : "one";
}

} // namespace

FOVEA_DISPATCH(unit_arch, first_number);

} // namespace test
