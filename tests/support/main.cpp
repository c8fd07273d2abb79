// The entry point of every test program. Exits with 0 or 1: Catch's own code, the number of failures, could
// be mistaken for the 4 of support/arch_check.cpp.
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>

int main(int argc, char** argv) {
    return Catch::Session().run(argc, argv) == 0 ? 0 : 1;
}
