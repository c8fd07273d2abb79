// A second translation unit with every header: a function that is not inline is a link error.
#include <everything.hpp>

const char* baseline_version();
const char* baseline_version() {
    return fovea::arch_name;
}
