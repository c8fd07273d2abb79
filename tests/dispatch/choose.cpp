// The choice among instruction sets, for processors that a test makes up.
#include <fovea/dispatch.hpp>

#include <catch2/catch.hpp>

using fovea::instruction_set;

namespace {

const std::vector<instruction_set> all{instruction_set::sse2, instruction_set::avx2, instruction_set::avx512};

instruction_set choose(const std::vector<instruction_set>& compiled, std::string_view asked,
                       instruction_set best) {
    return fovea::detail::choose_instruction_set({compiled.data(), compiled.size()}, asked,
                                                 [best](instruction_set set) { return set <= best; });
}

} // namespace

TEST_CASE("Without a wish the best set is chosen that both the program and the processor have") {
    for (const instruction_set best : all)
        CHECK(choose(all, "", best) == best);
    CHECK(choose({instruction_set::sse2, instruction_set::avx512}, "", instruction_set::avx2) ==
          instruction_set::sse2);
    CHECK(choose({instruction_set::sse2}, "", instruction_set::avx512) == instruction_set::sse2);
    CHECK_THROWS_WITH(choose({instruction_set::avx512}, "", instruction_set::avx2),
                      "compiled for avx512, which this processor lacks");
}

TEST_CASE("A wish is followed or an error that says what there is") {
    for (const instruction_set asked : all)
        CHECK(choose(all, name_of(asked), instruction_set::avx512) == asked);
    CHECK_THROWS_AS(choose(all, "avx", instruction_set::avx512), fovea::input_error);
    CHECK_THROWS_WITH(choose(all, "AVX2", instruction_set::avx512),
                      "FOVEA_ARCH=AVX2: expected an instruction set that is compiled in: sse2, avx2, avx512");
    CHECK_THROWS_WITH(choose(all, "avx512", instruction_set::avx2),
                      "FOVEA_ARCH=avx512: this processor or its operating system lacks it; expected one of "
                      "sse2, avx2");
    CHECK_THROWS_WITH(choose({instruction_set::sse2}, "avx2", instruction_set::avx512),
                      "FOVEA_ARCH=avx2: expected an instruction set that is compiled in: sse2");
}

TEST_CASE("Every processor has its baseline") {
#if defined(__x86_64__)
    CHECK(fovea::is_supported(instruction_set::sse2));
    CHECK_FALSE(fovea::is_supported(instruction_set::neon64));
#else
    CHECK(fovea::is_supported(instruction_set::neon64));
    CHECK_FALSE(fovea::is_supported(instruction_set::sse2));
#endif
    if (fovea::is_supported(instruction_set::avx512))
        CHECK(fovea::is_supported(instruction_set::avx2));
}
