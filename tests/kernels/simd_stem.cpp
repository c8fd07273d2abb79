// The first convolution against the scalar reference over ragged sizes, from floats and from bytes.
#include "simd_case.hpp"

#include <fovea/program/thread_executor.hpp>

using namespace fovea;
using namespace fovea::test;

namespace {

// Uneven paddings are TensorFlow's SAME at even sizes (EfficientNet), 7x7 at stride 2 is ResNet's.
const window stem_windows[] = {
    window::same(3, 2),          window::same(3),
    window::same(7, 2),          window::same(5, 3),
    window::same(1, 2),          {3, 3, 2, 2, 0, 0, 1, 1, 1},
    {3, 3, 1, 2, 2, 3, 1, 2, 1}, {3, 3, 3, 2, 0, 1, 0, 1, 1},
    {2, 7, 1, 4, 1, 2, 0, 6, 1}, {3, 5, 4, 1, 3, 4, 3, 0, 1},
};

// A stem with random weights, run on bytes and on the floats that they stand for.
class byte_stem {
public:
    byte_stem(shape in, int out_channels, const window& w)
        : out_(reference::conv_out_shape(in, out_channels, w)),
          layer_{w,
                 1,
                 activation::relu6,
                 {in.height, in.width, in.channels, in.channels},
                 {out_.height, out_.width, out_.channels, padded_channels(out_.channels)}} {
        builder<2> b;
        step s;
        s.node = s.value = b.conv2d(b.input(in), 0, out_channels, w, 1, true);
        s.input = 0;
        kernel_ = kernel_table[static_cast<std::size_t>(select_kernel(b.view(), s))];
        const std::vector<float> weight = random_numbers(static_cast<std::size_t>(
                                     out_channels * in.channels * w.kernel_height * w.kernel_width)),
                                 bias = random_numbers(static_cast<std::size_t>(out_channels));
        packed_.resize(kernel_.packed_floats(layer_));
        kernel_.pack(layer_, {weight, bias}, packed_.data());
        for (float x : random_numbers(in.size(), 128))
            bytes_.push_back(static_cast<std::uint8_t>(x + 128));
        scaling_ = {{1 / 58.395F, 1 / 57.12F, 1 / 57.375F, 1 / 60.0F}, {-2.118F, -2.036F, -1.804F, 0.5F}};
    }
    std::vector<float> run_bytes(executor& ex) const {
        operands o;
        o.bytes = bytes_.data();
        o.scaling = &scaling_;
        return run(o, ex);
    }
    std::vector<float> run_floats() const {
        const auto channels = static_cast<std::size_t>(layer_.in.channels);
        std::vector<float> floats(bytes_.size());
        const pixel_scaler scale(scaling_, layer_.in.channels);
        for (std::size_t i = 0; i < floats.size(); i += channels) // pixel by pixel
            scale(bytes_.data() + i, layer_.in.channels, floats.data() + i);
        for (std::size_t i = 0; i < floats.size(); ++i)
            CHECK(
                floats[i] ==
                Approx(bytes_[i] * scaling_.scale[i % channels] + scaling_.shift[i % channels]).margin(1e-6));
        operands o;
        o.input = floats.data();
        sequential_executor sequential;
        return run(o, sequential);
    }
    const kernel& chosen() const { return kernel_; }

private:
    std::vector<float> run(operands o, executor& ex) const {
        aligned_floats scratch(kernel_.scratch_floats(layer_, false) *
                               static_cast<std::size_t>(ex.concurrency()));
        std::vector<float> output(static_cast<std::size_t>(layer_.out.pixels()) *
                                  static_cast<std::size_t>(layer_.out.stride));
        o.weights = packed_.data();
        o.output = output.data();
        o.scratch = scratch.data();
        kernel_.run(layer_, o, ex);
        return output;
    }

    shape out_;
    layer layer_;
    kernel kernel_{};
    aligned_floats packed_;
    std::vector<std::uint8_t> bytes_;
    pixel_scaling scaling_;
};

} // namespace

TEST_CASE("convolutions over few channels are stems") {
    const auto name = [](shape in, const window& w) {
        return std::string(conv_run({in, 8, w}).chosen().name);
    };
    for (const window& w : stem_windows)
        CHECK(name({9, 9, 3}, w) == "stem");
    CHECK(name({9, 9, 4}, window::same(3, 2)) == "stem");
    CHECK(name({9, 9, 5}, window::same(3, 2)) == "dense_conv");
    CHECK(name({9, 9, 3}, window::same(3, 1, 2)) == "dense_conv");
    CHECK(kernel_for<kernel_id::stem>().reads_bytes);
    CHECK(kernel_for<kernel_id::stem_3x3_stride_2>().reads_bytes);
    CHECK(!kernel_for<kernel_id::dense_conv>().reads_bytes);
}

TEST_CASE("stems agree with the reference for any window and number of channels") {
    for (const window& w : stem_windows)
        for (int in = 1; in <= 4; ++in)
            for (const shape& map : {shape{1, 1, in}, {1, 9, in}, {8, 1, in}, {2, 3, in}, {13, 21, in}})
                if (fits(map, w))
                    for (bool dense : {false, true}) {
                        conv_case c{map, 19, w};
                        c.dense_input = c.dense_output = dense;
                        check(c);
                    }
}

TEST_CASE("stems agree with the reference at every width and number of outputs") {
    for (int width = 1; width <= 70; ++width)
        for (int out : {16, 32})
            check({{3, width, 3}, out, window::same(3, 2)});
    for (int out = 1; out <= 70; ++out) {
        conv_case c{{5, 37, 3}, out, window::same(3, 2)};
        c.dense_input = true;
        check(c);
        c.dense_output = true;
        check(c);
    }
}

TEST_CASE("residuals and activations are fused into stems") {
    for (const window& w : {window::same(3, 2), window::same(3)})
        for (int width : {5, 40})
            for (activation act :
                 {activation::identity, activation::relu6, activation::hardswish, activation::silu})
                for (bool residual : {false, true}) {
                    conv_case c{{7, width, 3}, 24, w};
                    c.act = act;
                    c.residual = residual;
                    check(c);
                }
}

TEST_CASE("bytes give the same bits as the floats that they stand for, zeros around the image included") {
    for (const window& w : stem_windows)
        for (int in = 1; in <= 4; ++in)
            for (const shape& map : {shape{1, 1, in}, {1, 9, in}, {8, 1, in}, {2, 3, in}, {11, 38, in}})
                if (fits(map, w)) {
                    const byte_stem stem(map, 17, w);
                    CHECK(stem.chosen().reads_bytes);
                    sequential_executor sequential;
                    CHECK(stem.run_bytes(sequential) == stem.run_floats());
                }
}

TEST_CASE("stems give the same bits for any number of workers") {
    for (const window& w : {window::same(3, 2), window::same(7, 2), window{3, 3, 1, 1, 0, 0, 1, 1, 1}}) {
        const byte_stem stem({61, 67, 3}, 32, w);
        const std::vector<float> expected = stem.run_floats();
        for (int workers = 1; workers <= 4; ++workers) {
            thread_executor threads(workers);
            CHECK(stem.run_bytes(threads) == expected);
        }
    }
}
