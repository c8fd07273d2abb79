// The entry point of every test program. Exits with 4 ("skipped" to ctest) when this machine's processor lacks the
// instruction set that the program was compiled for.
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>

int main(int argc, char** argv) { return Catch::Session().run(argc, argv); }
