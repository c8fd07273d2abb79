// Training kernels of convolutions and linear layers against the scalar reference over ragged sizes.
#include "support/executors.hpp"
#include "training_conv_case.hpp"

using namespace fovea;
using namespace fovea::test;

namespace {

training_conv_case pointwise_case(shape in, int out, int images = 1) {
    training_conv_case c;
    c.in = in;
    c.out_channels = out;
    c.images = images;
    return c;
}
training_conv_case depthwise_case(shape in, window w, int images = 1) {
    training_conv_case c = pointwise_case(in, in.channels, images);
    c.win = w;
    c.groups = in.channels;
    return c;
}
training_conv_case dense_case(shape in, int out, window w, int groups = 1, int images = 1) {
    training_conv_case c = pointwise_case(in, out, images);
    c.win = w;
    c.groups = groups;
    return c;
}
training_conv_id chosen(const training_conv_case& c) {
    return training_conv_run(c).id();
}

// What every kind of convolution is tried with.
std::vector<training_conv_case> kinds_of_training_conv() {
    using w = window;
    std::vector<training_conv_case> all{
        pointwise_case({5, 7, 13}, 27, 5),
        pointwise_case({27, 31, 24}, 16, 3),
        pointwise_case({1, 1, 40}, 20, 5),
        dense_case({19, 18, 3}, 16, w::same(3, 2), 1, 5),
        depthwise_case({9, 11, 24}, w::same(3), 5),
        depthwise_case({9, 11, 24}, w::same(3, 2), 5),
        depthwise_case({37, 8, 16}, w::same(5), 5),
        depthwise_case({36, 8, 40}, w::same(5, 2), 5),
        depthwise_case({35, 6, 8}, w::same(5, 1, 2), 5),
        dense_case({6, 5, 12}, 8, w::same(3), 4, 5),
        dense_case({6, 5, 12}, 8, w::same(3, 2), 1, 5),
    };
    for (std::size_t i = 0; i < all.size(); ++i) {
        all[i].bias = i % 2 == 0;
        all[i].adds_input = i % 3 == 0;
    }
    return all;
}

} // namespace

TEST_CASE("each kind of convolution trains on its kernel") {
    using id = training_conv_id;
    CHECK(chosen(pointwise_case({5, 7, 13}, 27)) == id::pointwise);
    CHECK(chosen(pointwise_case({1, 1, 13}, 27)) == id::pointwise);
    CHECK(chosen(depthwise_case({5, 7, 13}, window::same(3))) == id::depthwise_3x3);
    CHECK(chosen(depthwise_case({5, 7, 13}, window::same(3, 2))) == id::depthwise_3x3_stride_2);
    CHECK(chosen(depthwise_case({5, 7, 13}, window::same(5))) == id::depthwise_5x5);
    CHECK(chosen(depthwise_case({5, 7, 13}, window::same(5, 2))) == id::depthwise_5x5_stride_2);
    CHECK(chosen(depthwise_case({5, 7, 13}, window::same(5, 1, 2))) == id::depthwise_any);
    CHECK(chosen(depthwise_case({5, 7, 13}, {3, 3, 1, 1, 3, 3, 3, 3, 1})) == id::depthwise_any);
    CHECK(chosen(dense_case({19, 18, 3}, 16, window::same(3, 2))) == id::stem_3x3_stride_2);
    CHECK(chosen(dense_case({19, 18, 3}, 17, window::same(3, 2))) == id::general_conv);
    CHECK(chosen(dense_case({6, 5, 12}, 8, window::same(3), 4)) == id::general_conv);
    CHECK(chosen(dense_case({6, 5, 12}, 8, window::same(3))) == id::general_conv);
}

TEST_CASE("pointwise training over ragged sizes") {
    for (int in = 1; in <= 40; in += in < 18 ? 1 : 5)
        for (int out : {1, 2, 3, 6, 7, 8, 9, 16, 17, 24, 31, 40}) {
            training_conv_case c = pointwise_case({1 + (in + out) % 5, 1 + in % 7, in}, out, 1 + out % 5);
            c.bias = out % 2 == 0;
            c.adds_input = in % 2 == 0;
            check(c);
            c.out_place = {true, out % 3 == 0 ? 11 : 0}; // as network outputs are
            check(c);
            c.in_place = {true, 0}; // as images are
            check(c);
        }
}

TEST_CASE("sums over large maps are blocks' sums") {
    for (int images : {1, 3}) {
        training_conv_case c = pointwise_case({61, 43, 9}, 7, images);
        c.bias = true;
        check(c);
        check(pointwise_case({33, 31, 80}, 40, images));
    }
}

TEST_CASE("depthwise training over ragged sizes") {
    const window windows[] = {window::same(3),
                              window::same(3, 2),
                              window::same(5),
                              window::same(5, 2),
                              {3, 3, 1, 1, 0, 0, 2, 1, 1},
                              {3, 3, 2, 2, 0, 2, 1, 0, 1},
                              {5, 5, 2, 2, 3, 4, 0, 1, 1},
                              {5, 5, 1, 1, 4, 0, 0, 4, 1},
                              {3, 3, 2, 2, 2, 0, 2, 2, 1},
                              window::same_tf(3, 2),
                              window::same_tf(5, 2),
                              window::same(5, 1, 2),
                              window::same(3, 3),
                              {2, 4, 3, 2, 0, 2, 1, 3, 1},
                              {3, 3, 1, 1, 3, 3, 3, 3, 1}};
    const shape maps[] = {{1, 1, 0}, {1, 9, 0}, {8, 1, 0}, {2, 2, 0}, {3, 2, 0}, {7, 13, 0}, {16, 17, 0}};
    int channels = 0, n = 0;
    for (const window& w : windows)
        for (shape map : maps) {
            const shape out = reference::conv_out_shape(map, 1, w.padded_for(map.height, map.width));
            if (out.height < 1 || out.width < 1)
                continue;
            channels = channels % 40 + 3;
            ++n;
            training_conv_case c = depthwise_case({map.height, map.width, channels}, w, 1 + n % 3);
            c.bias = n % 3 == 0;
            c.adds_input = n % 2 == 0;
            c.in_place.gap = n % 5 == 0 ? 13 : 0;
            check(c);
        }
}

TEST_CASE("first convolutions in training") {
    for (shape map : {shape{1, 1, 3}, shape{2, 3, 3}, shape{17, 22, 3}, shape{65, 34, 3}})
        for (int out : {8, 16, 24, 40}) {
            training_conv_case c = dense_case(map, out, window::same(3, 2), 1, 2);
            c.in_place.dense = true;
            c.bias = out == 24;
            c.adds_input = out == 16;
            check(c);
            c.in_place.dense = false;
            c.win = {3, 3, 2, 2, 0, 0, 2, 2, 1};
            check(c);
            c.win = window::same_tf(3, 2);
            check(c);
        }
}

TEST_CASE("any other convolution in training") {
    check(dense_case({7, 9, 5}, 6, window::same(3), 1, 2));
    check(dense_case({7, 9, 6}, 9, window::same(3, 2), 3, 2));
    check(dense_case({6, 9, 6}, 9, window::same_tf(3, 2), 3, 2));
    check(dense_case({6, 9, 7}, 9, window::same_tf(4), 1, 2));
    check(dense_case({7, 9, 6}, 6, window::same(3, 1, 2), 1, 1));
    check(dense_case({7, 9, 6}, 12, {3, 5, 2, 1, 1, 0, 1, 0, 1}, 2, 2));
    check(dense_case({7, 9, 6}, 12, {2, 4, 3, 2, 0, 2, 1, 3, 1}, 6, 2));
    check(dense_case({9, 8, 40}, 53, window::same(3), 1, 2));
    check(dense_case({9, 8, 70}, 24, window::same(3, 2), 2, 2));
    check(dense_case({9, 8, 17}, 20, window::same(1, 2), 1, 2)); // a residual's 1x1 at stride 2
    check(dense_case({12, 11, 5}, 7, window::same(9), 1, 1));    // more than 64 taps
    check(dense_case({12, 11, 5}, 7, window::same(7, 2), 1, 2));
    check(dense_case({4, 4, 8}, 9, {3, 3, 1, 1, 3, 3, 3, 3, 1}, 1, 2)); // padding beyond the window's reach
    check(dense_case({9, 9, 9}, 8, window::same(3, 1, 6), 1, 1));
    training_conv_case adding = dense_case({9, 8, 12}, 10, window::same(3), 1, 3);
    adding.bias = adding.adds_input = adding.out_place.dense = true;
    check(adding);
    training_conv_case c = dense_case({7, 9, 4}, 6, window::same(3, 2), 1, 3);
    c.bias = c.adds_input = c.in_place.dense = c.out_place.dense = true;
    c.out_place.gap = 3;
    check(c);
}

TEST_CASE("training convolutions give the same numbers on every executor and for any ranges of images") {
    for (const training_conv_case& c : kinds_of_training_conv()) {
        INFO(text_of(c));
        const training_conv_run run(c);
        sequential_executor sequential;
        const training_conv_results first = run.run(sequential);
        CHECK(run.error(first) < training_error_bound);
        for (int step : {1, 2, 3})
            CHECK(run.run(sequential, step) == first);
        for (const named_executor& ex : all_executors()) {
            INFO(ex.name);
            CHECK(run.run(*ex.runs) == first);
            CHECK(run.run(*ex.runs, 2) == first);
        }
    }
}
