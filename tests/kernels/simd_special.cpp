// Numbers that are none, and infinity: convolutions show them where the reference does, and nowhere else.
#include "simd_case.hpp"

using namespace fovea;
using namespace fovea::test;

namespace {

enum class special { none, nan, plus, minus };

special kind_of(double x) {
    return std::isnan(x)    ? special::nan
           : !std::isinf(x) ? special::none
           : x > 0          ? special::plus
                            : special::minus;
}

// What a convolution makes of `value` at one place of its input.
void check_special(const conv_case& c, std::size_t at, float value) {
    INFO(text_of(c) << ", input " << at << " is " << value);
    conv_run run(c);
    run.set_input(at, value);
    sequential_executor sequential;
    const std::vector<float> got = run.run(sequential);
    const std::vector<double> expected = run.expected();
    std::size_t differ = 0, touched = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
        differ += kind_of(expected[i]) != kind_of(static_cast<double>(got[i])) ? 1U : 0U;
        touched += kind_of(expected[i]) != special::none ? 1U : 0U;
    }
    CHECK(differ == 0);
    CHECK((touched > 0 || std::isinf(value)));
}

} // namespace

TEST_CASE("not-a-number and infinity come out of every kind of convolution where the reference has them") {
    constexpr float infinity = std::numeric_limits<float>::infinity();
    conv_case kinds[] = {
        {{7, 9, 13}, 27, window{}},
        {{1, 1, 13}, 27, window{}},
        {{7, 9, 3}, 20, window::same(3, 2)},
        {{7, 9, 6}, 20, window::same(5, 2)},
        {{7, 9, 24}, 24, window::same(3), 24},
        {{7, 9, 24}, 24, window::same(3, 2), 24},
        {{7, 9, 20}, 20, window::same(5), 20},
        {{7, 9, 20}, 20, window::same(5, 2), 20},
        {{7, 9, 11}, 11, window::same(3, 1, 2), 11},
        {{7, 9, 12}, 8, window::same(3), 4},
    };
    for (conv_case& c : kinds)
        for (activation act :
             {activation::identity, activation::relu, activation::relu6, activation::hardsigmoid,
              activation::hardswish, activation::sigmoid, activation::silu, activation::softplus})
            for (std::size_t place = 0; place < 3; ++place) {
                c.act = act;
                const std::size_t at = place * (c.in.size() - 1) / 2;
                check_special(c, at, std::numeric_limits<float>::quiet_NaN());
                if (act == activation::silu) // of minus infinity: torch's is not-a-number, ours 0, its limit
                    continue;
                check_special(c, at, infinity);
                check_special(c, at, -infinity);
            }
}
