// Convolutions of every kernel at every height, width and tail of channels, and on every executor.
#include "simd_case.hpp"
#include "support/executors.hpp"

using namespace fovea;
using namespace fovea::test;

namespace {

conv_case over_channels(shape in, const window& w) {
    return {in, in.channels, w, in.channels};
}

// Whole vectors of every instruction set, halves of them, and what is left of the zoo's layers.
constexpr int tails[] = {4, 8, 16, 24, 40, 72, 120, 184, 576, 1000};

} // namespace

TEST_CASE("convolutions agree with the reference at every height and width") {
    const window some[] = {window::same(3),
                           window::same(3, 2),
                           window::same(5),
                           window::same(5, 2),
                           window::same(7, 2),
                           window::same(3, 1, 2),
                           {3, 5, 2, 1, 0, 1, 2, 3, 1}};
    for (int side = 1; side <= 25; ++side)
        for (const shape& map : {shape{side, 26 - side, 0}, {side, 3, 0}, {2, side, 0}}) {
            check({{map.height, map.width, 9}, 17, window{}});
            for (const window& w : some) {
                if (!fits(map, w))
                    continue;
                check(over_channels({map.height, map.width, 20}, w));
                check({{map.height, map.width, 3}, 12, w});
                check({{map.height, map.width, 6}, 9, w});
            }
        }
}

TEST_CASE("convolutions agree with the reference for every tail of channels") {
    for (int channels : tails) {
        for (int out : tails) {
            conv_case c{{1, 5, channels}, out, window{}};
            c.act = activation::hardswish;
            c.gated = c.residual = true;
            check(c);
        }
        for (const window& w : {window::same(3), window::same(3, 2), window::same(5), window::same(5, 2),
                                window::same(3, 1, 2)}) {
            conv_case c = over_channels({6, 7, channels}, w);
            c.act = activation::relu6;
            check(c);
        }
        check({{4, 5, channels}, 8, window::same(3)});
        check({{4, 5, 8}, channels, window::same(3)});
    }
}

TEST_CASE("activations, gates and residuals meet every tail of channels") {
    for (int channels : {1, 4, 8, 11, 16, 24, 40, 72})
        for (int act = 0; act <= static_cast<int>(activation::softplus); ++act)
            for (bool residual : {false, true}) {
                conv_case c = over_channels({3, 4, channels}, window::same(3));
                c.act = static_cast<activation>(act);
                c.residual = residual;
                check(c);
                c = {{2, 7, channels}, channels, window{}};
                c.act = static_cast<activation>(act);
                c.residual = residual;
                c.gated = channels > 8;
                check(c);
            }
}

// Each is large enough to be shared.
TEST_CASE("convolutions are the same bits on every executor") {
    conv_case cases[] = {
        {{37, 31, 24}, 72, window{}},
        {{3, 3, 480}, 600, window{}},
        {{1, 1, 600}, 1000, window{}},
        {{10, 10, 100}, 546, window{}},
        {{63, 61, 3}, 16, window::same(3, 2)},
        {{61, 43, 4}, 24, window::same(5)},
        {{29, 27, 8}, 24, window::same(3)},
        over_channels({45, 40, 72}, window::same(5, 2)),
        over_channels({37, 35, 40}, window::same(5)),
        over_channels({65, 51, 24}, window::same(3)),
        over_channels({67, 61, 40}, window::same(3, 2)),
        over_channels({41, 43, 24}, window::same(5, 1, 2)),
        {{33, 31, 12}, 24, window::same(3), 3},
    };
    sequential_executor sequential;
    for (conv_case& c : cases)
        for (bool fused : {false, true}) {
            c.gated = fused && c.win.is_pointwise();
            c.residual = fused;
            c.act = fused ? activation::hardswish : activation::silu;
            INFO(text_of(c));
            const conv_run run(c);
            const std::vector<float> expected = run.run(sequential);
            CHECK(run.error(expected) < error_bound);
            for (const named_executor& e : all_executors()) {
                INFO(e.name);
                CHECK(run.run(*e.runs) == expected);
            }
            disorderly_executor counting(3, disorderly_executor::order::reverse);
            run.run(counting);
            CHECK(counting.tasks() > 1);
        }
}
