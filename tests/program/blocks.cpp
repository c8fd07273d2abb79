// Fused blocks against the reference, over ragged maps, channel tails, windows, activations and numbers of
// workers.
#include "support/executors.hpp"
#include "support/interpreter.hpp"
#include "support/random_weights.hpp"

#include <fovea/program/runtime_program.hpp>

#include <catch2/catch.hpp>

using namespace fovea;
using namespace fovea::test;

namespace {

// An inverted residual with everything that a block may have.
struct block_table {
    shape in{};
    int expanded = 0; // 0: no expansion
    int kernel = 3, stride = 1;
    activation act = activation::relu;
    bool gated = false; // squeeze-excite
    int projected = 8;  // 0: the depthwise convolution is the output
    bool residual = false;
    bool image = false; // a first convolution at stride 2 in the expansion's place
    enum class padding_type { torch, tf, none } padding = padding_type::torch;

    window window_of(int side, int step) const {
        return padding == padding_type::torch ? window::same(side, step)
               : padding == padding_type::tf  ? window::same_tf(side, step)
                                              : window{side, side, step, step};
    }
};

template <class Builder>
void build_graph(Builder& b, const block_table& t) {
    int count = 0;
    const auto child = [&] { return b.child(0, count++); };
    node_id x = b.input(t.in);
    if (t.residual && !t.image) // of a value that a step computes
        x = b.conv2d(x, child(), t.in.channels, window{}, 1, true);
    node_id input = x;
    if (t.image)
        x = b.conv2d(x, child(), t.expanded, t.window_of(3, 2), 1, true);
    else if (t.expanded > 0)
        x = b.batch_norm(b.conv2d(x, child(), t.expanded, window{}, 1), child(), 1e-3F);
    if (t.expanded > 0)
        x = b.activate(x, 0, t.act);
    if (t.image)
        input = x;
    x = b.conv2d(x, child(), b.channels(x), t.window_of(t.kernel, t.stride), b.channels(x), true);
    x = b.activate(x, 0, t.act);
    if (t.gated) {
        const node_id squeezed = b.conv2d(b.global_average_pool(x, child()), child(), 8, window{}, 1, true);
        const node_id gate = b.activate(b.conv2d(squeezed, child(), b.channels(x), window{}, 1, true), 0,
                                        activation::hardsigmoid);
        x = b.scale(x, gate, 0);
    }
    if (t.projected > 0)
        x = b.conv2d(x, child(), t.projected, window{}, 1, true);
    if (t.residual)
        x = b.add(x, input, 0);
    b.part(b.output("out", layout::map), x);
}

int fused_steps(const runtime_program& program) {
    int count = 0;
    for (const step& s : program.view().steps)
        count += s.expand.node >= 0 || s.depthwise.node >= 0 || s.pool >= 0 ? 1 : 0;
    return count;
}

// Against the reference at the graph's own size and at a smaller one, and the same bits on every executor.
void check_program(const runtime_program& program) {
    const graph_view g = program.graph();
    const state_dict weights = random_weights(g, 7);
    network net(program.view(), weights);
    std::minstd_rand generator(5);
    for (const shape& size : {g[0].out, shape{(g[0].out.height + 1) / 2, g[0].out.width / 3 + 1, 0}}) {
        net.plan(1, size.height, size.width);
        const std::vector<float> image = random_numbers(generator, net.input_shape().size(), -2, 2);
        net.forward(image.data());
        std::vector<shape> shapes;
        for (node_id i = 0; i < g.size(); ++i)
            shapes.push_back(net.shape_of(i));
        check_outputs(net, interpreter(g, weights).run(image, shapes), 0);
        for (const named_executor& e : all_executors()) {
            INFO(e.name);
            network other(program.view(), weights);
            other.run_on(*e.runs);
            other.plan(1, size.height, size.width);
            other.forward(image.data());
            REQUIRE(std::equal(net.output(0).begin(), net.output(0).end(), other.output(0).begin()));
        }
    }
}

void check_block(const block_table& table) {
    const runtime_program program(table);
    REQUIRE(fused_steps(program) == 1);
    check_program(program);
}

// Likewise with TensorFlow's padding, which is uneven at stride 2 and even sizes; `table` has an even size.
void check_block_tf(block_table table) {
    table.padding = block_table::padding_type::tf;
    for (int row = 0; row < 2; ++row)
        for (int column = 0; column < 2; ++column) {
            block_table t = table;
            t.in.height += row;
            t.in.width += column;
            INFO(t.in.height << "x" << t.in.width);
            check_block(t);
        }
}

const int block_kernels[] = {3, 5}, block_strides[] = {1, 2};

} // namespace

TEST_CASE("expansion, depthwise convolution and projection row by row") {
    for (int kernel : block_kernels)
        for (int stride : block_strides)
            for (int expanded : {16, 24, 40, 72, 100}) {
                INFO(kernel << " stride " << stride << ", " << expanded);
                check_block({{26, 29, 12}, expanded, kernel, stride, activation::relu6, false, 20});
                check_block({{3, 200, 5}, expanded, kernel, stride, activation::hardswish, false, 24});
            }
}

TEST_CASE("expansion and depthwise convolution by blocks of columns, with and without the pool") {
    for (int kernel : block_kernels)
        for (int stride : block_strides)
            for (int side : {1, 2, 3, 4, 7, 8, 14})
                for (bool gated : {false, true}) {
                    INFO(kernel << " stride " << stride << ", " << side << (gated ? ", gated" : ""));
                    check_block({{side, side + 1, 16}, 88, kernel, stride, activation::hardswish, gated, 16});
                }
}

TEST_CASE("large maps with squeeze-excite go by rows") {
    for (int kernel : block_kernels)
        for (int stride : block_strides)
            check_block({{31, 43, 8}, 56, kernel, stride, activation::relu, true, 40});
}

TEST_CASE("activations that kernels do not apply in registers work inside blocks") {
    for (activation act :
         {activation::silu, activation::sigmoid, activation::hardsigmoid, activation::identity}) {
        check_block({{25, 26, 8}, 40, 3, 1, act, false, 24});
        check_block({{9, 6, 8}, 72, 5, 2, act, true, 8});
    }
}

TEST_CASE("a depthwise convolution and its projection, with the residual") {
    check_block({{30, 27, 16}, 0, 3, 1, activation::relu, false, 16, true});
    check_block({{30, 27, 40}, 0, 5, 2, activation::relu, false, 24});
    check_block({{12, 11, 24}, 0, 3, 2, activation::relu, true, 24}); // depthwise and pool
}

TEST_CASE("the first convolution runs inside the block behind it") {
    for (int stride : block_strides)
        for (int width : {1, 5, 50, 61})
            for (int expanded : {8, 16, 24, 32, 40}) {
                INFO("stride " << stride << ", width " << width << ", " << expanded);
                check_block({{53, width, 3},
                             expanded,
                             3,
                             stride,
                             activation::hardswish,
                             stride == 2,
                             16,
                             false,
                             true});
            }
}

TEST_CASE("the first convolution may be the block's residual, too") {
    for (int width : {48, 61, 90})
        for (int expanded : {8, 16, 24, 40}) {
            INFO("width " << width << ", " << expanded);
            check_block({{60, width, 3}, expanded, 3, 1, activation::hardswish, false, expanded, true, true});
        }
}

TEST_CASE("blocks with TensorFlow's padding") {
    for (int kernel : block_kernels)
        for (int stride : block_strides) {
            INFO(kernel << " stride " << stride);
            check_block_tf({{26, 32, 12}, 40, kernel, stride, activation::relu6, false, 20}); // by rows
            for (int side : {2, 4, 6, 14})                                                   // by columns
                check_block_tf({{side, side + 2, 16}, 88, kernel, stride, activation::silu, true, 16});
            check_block_tf({{30, 28, 40}, 0, kernel, stride, activation::relu, false, 24}); // no expansion
        }
    for (int stride : block_strides)
        for (int width : {6, 50}) {
            check_block_tf({{52, width, 3}, 32, 3, stride, activation::silu, stride == 2, 16, false, true});
            check_block_tf({{64, width + 50, 3}, 16, 3, 1, activation::relu6, false, 16, true, true});
        }
}

TEST_CASE("blocks without padding, whose last rows and columns no window may reach") {
    for (int kernel : block_kernels)
        for (int stride : block_strides)
            for (int side : {11, 12, 13, 14, 31})
                for (bool gated : {false, true}) {
                    INFO(kernel << " stride " << stride << ", " << side << (gated ? ", gated" : ""));
                    block_table table{{side, side + 1, 16}, 88, kernel, stride, activation::relu, gated, 16};
                    table.padding = block_table::padding_type::none;
                    check_block(table);
                }
}

namespace {

// A weighted sum whose second map is read through a resize: by a factor, or to the size of the first.
struct upward_table {
    shape in{};
    double factor = 2; // 0: to the size of the first map
    bool three = false;
    activation act = activation::silu;
};

template <class Builder>
void build_graph(Builder& b, const upward_table& t) {
    constexpr resize_method nearest{resize_method::mode_type::nearest};
    const node_id x = b.input(t.in);
    const node_id down = b.conv2d(x, b.child(0, "down"), 20, window::same_tf(3, 2), 1, true);
    const node_id like = t.factor > 0 ? b.resize_by(down, 0, t.factor, nearest) : x;
    const node_id fine = b.conv2d(like, b.child(0, "fine"), 20, window{}, 1, true);
    const node_id up = t.factor > 0 ? b.resize_by(down, 0, t.factor, nearest)
                                    : b.resize_like(down, fine, 0, nearest);
    const int key = b.child(0, "p3_w1");
    const node_id sum = t.three ? b.weighted_sum({fine, up, fine}, key) : b.weighted_sum({fine, up}, key);
    b.part(b.output("out", layout::map), b.activate(sum, 0, t.act));
}

int sums_through_resizes(const runtime_program& program) {
    int count = 0;
    for (const step& s : program.view().steps)
        count += s.resized >= 0;
    return count;
}

} // namespace

TEST_CASE("weighted sums read a smaller map through a resize") {
    for (const double factor : {2.0, 1.5, 3.0, 0.0})
        for (const bool three : {false, true})
            for (const shape in : {shape{12, 14, 8}, shape{13, 9, 3}, shape{60, 70, 5}}) {
                INFO("factor " << factor << (three ? ", three maps, " : ", two maps, ") << in.height);
                const runtime_program program(upward_table{in, factor, three});
                REQUIRE(sums_through_resizes(program) == 1);
                check_program(program);
            }
}

TEST_CASE("fused and unfused networks agree, and layers are steps of their own where that is asked for") {
    const block_table table{{28, 28, 16}, 64, 3, 1, activation::relu6, false, 16, true};
    const runtime_program blocks(table), layers(table, fusion_level::layers);
    CHECK(blocks.view().steps.size() == 2);
    CHECK(layers.view().steps.size() == 4);
    const state_dict weights = random_weights(blocks.graph(), 3);
    network a(blocks.view(), weights), b(layers.view(), weights);
    std::minstd_rand generator(1);
    const std::vector<float> image = random_numbers(generator, a.input_shape().size(), -1, 1);
    a.forward(image.data());
    b.forward(image.data());
    CHECK(std::equal(a.output(0).begin(), a.output(0).end(), b.output(0).begin()));
}
