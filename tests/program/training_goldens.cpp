// Backward passes against torch's numbers: blocks, heads and the operators of other families.
#include "program/training_case.hpp"

#include <fovea/blocks/inverted_residual.hpp>
#include <fovea/blocks/mbconv.hpp>
#include <fovea/blocks/ssdlite.hpp>

using namespace fovea;
using namespace fovea::test;

namespace {

// One MobileNetV3 block on an input of the given size.
struct block_table {
    tables::inverted_residual_v3 row;
    int height, width;
};
template <class Builder>
void build_graph(Builder& b, const block_table& t) {
    const node_id x = b.input({t.height, t.width, t.row.input});
    b.part(b.output("y", layout::map), blocks::inverted_residual_v3(b, x, 0, t.row, 1e-3F));
}

// One MBConv block of EfficientNet on a map of the given shape.
struct mbconv_table {
    blocks::mbconv_settings block;
    shape map;
};
template <class Builder>
void build_graph(Builder& b, const mbconv_table& t) {
    const node_id x = b.input(t.map);
    const auto names = blocks::name_mbconv(b, 0, t.block, tables::efficientnet_names::torchvision);
    b.part(b.output("y", layout::map), blocks::mbconv(b, x, names, t.block));
}

// One level of an SSDLite head.
struct head_table {
    shape map;
    int level, anchors, classes;
};
template <class Builder>
void build_graph(Builder& b, const head_table& t) {
    const node_id x = b.input(t.map);
    const int cls = b.child(b.child(b.child(0, "classification_head"), "module_list"), t.level);
    const int bbox = b.child(b.child(b.child(0, "regression_head"), "module_list"), t.level);
    b.part(b.output("cls_logits", layout::rows, t.classes, true),
           blocks::prediction_head(b, x, cls, t.anchors * t.classes, 1e-3F));
    b.part(b.output("bbox_regression", layout::rows, 4), blocks::prediction_head(b, x, bbox, t.anchors * 4, 1e-3F));
}

// ResNet's BasicBlock with a strided shortcut (torchvision/models/resnet.py).
struct basic_block_table {};
template <class Builder>
void build_graph(Builder& b, const basic_block_table&) {
    const node_id x = b.input({9, 7, 8});
    node_id y = b.conv2d(x, b.child(0, "conv1"), 12, window::same(3, 2));
    y = b.activate(b.batch_norm(y, b.child(0, "bn1"), 1e-5F), b.child(0, "relu"), activation::relu);
    y = b.batch_norm(b.conv2d(y, b.child(0, "conv2"), 12, window::same(3)), b.child(0, "bn2"), 1e-5F);
    const int shortcut = b.child(0, "downsample");
    node_id s = b.conv2d(x, b.child(shortcut, 0), 12, window::same(1, 2));
    s = b.batch_norm(s, b.child(shortcut, 1), 1e-5F);
    y = b.activate(b.add(y, s, 0), b.child(0, "relu"), activation::relu);
    b.part(b.output("y", layout::map), y);
}

template <class Table>
void check_own(const char* name, const Table& table, float momentum, bool frozen = false) {
    const golden_case golden = own_golden("train", name);
    const runtime_training_program program(table, momentum);
    const array input = golden.input();
    const auto batch = static_cast<int>(input.shape[0]);
    for (const bool recomputes : {false, true}) {
        INFO(name << (recomputes ? ", recomputing" : ""));
        training_network net(program.view(), {batch, recomputes, true});
        net.parameters().load(training_weights(program.graph(), golden.prefix));
        if (frozen)
            net.parameters().freeze_statistics([](std::string_view) { return true; });
        const std::vector<float> images = to_batch(input);
        net.forward(images.data());
        set_output_gradient(net, 0, golden.input("upstream.y"));
        net.backward();
        CHECK(check_gradients(golden, net) >= static_cast<int>(golden.outputs.size()) - 3);
        CHECK(compare(golden.output("grad_input.input"),
                      input_gradient_of(net)));
    }
}

} // namespace

TEST_CASE("MobileNetV3's blocks have torch's gradients") {
    using namespace tables;
    check_own("grad_mbv3_block_skip", block_table{{8, 3, 24, 8, true, activation::hardswish, 1, 1}, 7, 9}, 0.01F);
    check_own("grad_mbv3_block_frozen", block_table{{8, 3, 24, 8, true, activation::hardswish, 1, 1}, 7, 9}, 0.01F,
              true);
    check_own("grad_mbv3_block_stride", block_table{{8, 5, 24, 16, true, activation::relu, 2, 1}, 7, 10}, 0.01F);
}

TEST_CASE("gradients of MBConv blocks are torchvision's") {
    const activation silu = activation::silu;
    check_own("grad_mbconv_skip", mbconv_table{{4, 3, 1, 8, 2, false, silu, 1e-3F}, {7, 9, 8}}, 0.01F);
    check_own("grad_mbconv_stride", mbconv_table{{1, 5, 2, 16, 2, false, silu, 1e-3F}, {7, 10, 8}}, 0.01F);
}

TEST_CASE("ResNet's strided block has torch's gradients") {
    check_own("grad_basic_block", basic_block_table{}, 0.1F);
}

TEST_CASE("MobileNetV3's block has the shared golden's gradients") {
    const auto golden = shared_golden("components", "grad_mbv3_block");
    if (!golden)
        return;
    const block_table table{{16, 5, 48, 16, true, activation::hardswish, 1, 1}, 9, 11};
    const runtime_training_program program(table, 0.01F);
    const array input = golden->input("x");
    training_network net(program.view(), {2, false, true});
    net.parameters().load(training_weights(program.graph(), "grad_mbv3_block:"));
    const std::vector<float> images = to_batch(input);
    net.forward(images.data());
    set_output_gradient(net, 0,
                        {input.shape, fill_input(input.shape, input_rule::sym2, "up_y_0", "grad_mbv3_block:")});
    net.backward();
    CHECK(check_gradients(*golden, net) == 19);
    CHECK(compare(golden->output("grad_input"), input_gradient_of(net)));
}

namespace {

// The rows of one level out of those of all levels: [images, rows, row].
array level_rows(const array& all, std::size_t first, std::size_t count) {
    array part{{all.shape[0], count, all.shape[2]}, std::vector<double>()};
    for (std::size_t n = 0; n < all.shape[0]; ++n) {
        const auto begin =
            all.values.begin() + static_cast<std::ptrdiff_t>((n * all.shape[1] + first) * all.shape[2]);
        part.values.insert(part.values.end(), begin, begin + static_cast<std::ptrdiff_t>(count * all.shape[2]));
    }
    return part;
}

struct head_case {
    shape maps[2];
    int anchors[2];
    int classes;
};

// Level by level: the levels share nothing.
void check_head(const golden_case& golden, const head_case& c, const std::string& prefix, const array (&inputs)[2],
                const array (&upstream)[2], const std::string (&input_gradients)[2]) {
    std::size_t first = 0;
    for (int level = 0; level < 2; ++level) {
        const runtime_training_program program(head_table{c.maps[level], level, c.anchors[level], c.classes}, 0.03F);
        const auto batch = static_cast<int>(inputs[level].shape[0]);
        training_network net(program.view(), {batch, false, true});
        net.parameters().load(training_weights(program.graph(), prefix));
        const std::vector<float> images = to_batch(inputs[level]);
        net.forward(images.data());
        const auto rows = static_cast<std::size_t>(c.maps[level].height * c.maps[level].width * c.anchors[level]);
        for (std::size_t o = 0; o < 2; ++o)
            set_output_gradient(net, o, level_rows(upstream[o], first, rows));
        net.backward();
        first += rows;
        for (const std::string branch : {"classification_head", "regression_head"}) {
            const std::string name = branch + ".module_list." + std::to_string(level) + ".";
            for (const golden_output& expected : golden.outputs)
                for (const std::string kind : {"grad.", "after."})
                    if (expected.name.rfind(kind + name, 0) == 0) {
                        INFO(expected.name);
                        CHECK(compare(expected, numbers_of(net, expected.name.substr(kind.size()), kind == "grad.")));
                    }
        }
        if (!input_gradients[level].empty())
            CHECK(compare(golden.output(input_gradients[level]),
                          input_gradient_of(net)));
    }
}

} // namespace

TEST_CASE("SSDLite's heads have torch's gradients") {
    const golden_case own = own_golden("train", "grad_ssdlite_two_levels");
    check_head(own, {{{5, 6, 12}, {3, 3, 8}}, {6, 4}, 3}, own.prefix, {own.input("input0"), own.input("input1")},
               {own.input("upstream.cls_logits"), own.input("upstream.bbox_regression")},
               {"grad_input.input0", "grad_input.input1"});
    const auto shared = shared_golden("components", "grad_ssdlite_head");
    if (!shared)
        return;
    const std::string prefix = "grad_ssdlite_head:";
    const array up[2] = {{shared->output("cls_logits").shape, std::vector<double>()},
                         {shared->output("bbox_regression").shape, std::vector<double>()}};
    const auto filled = [&](const shape_type& s, const char* name) {
        return array{s, fill_input(s, input_rule::sym2, name, prefix)};
    };
    check_head(*shared, {{{6, 5, 12}, {3, 3, 8}}, {6, 4}, static_cast<int>(up[0].shape[2])}, prefix,
               {shared->input("f0"), shared->input("f1")},
               {filled(up[0].shape, "up_y_0"), filled(up[1].shape, "up_y_1")}, {"grad_input", ""});
}

namespace {

// The maps of an output as an NCHW batch.
array output_maps(const training_network& net, std::size_t output, shape s) {
    array batch = make_batch(static_cast<std::size_t>(net.batch()), s);
    for (std::size_t n = 0; n < static_cast<std::size_t>(net.batch()); ++n) {
        const float* const image = net.output(output).data() + n * s.size();
        put_image(batch, n, std::vector<float>(image, image + s.size()));
    }
    return batch;
}

// Two maps with TensorFlow's padding, fused in each of BiFPN's ways, and a separable convolution that both share
// (tests/train/make_goldens.py, FusedLevels).
struct fused_levels_table {};

template <class Builder>
void build_graph(Builder& b, const fused_levels_table&) {
    const node_id stem = b.conv2d(b.input({14, 17, 3}), b.child(0, "stem"), 8, window::same_tf(3, 2));
    const node_id down = b.conv2d(stem, b.child(0, "down"), 8, window::same_tf(5, 2), 8, true);
    const node_id up = b.resize_like(down, stem, 0, {resize_method::mode_type::nearest});
    const auto silu = [&](node_id x) { return b.activate(x, 0, activation::silu); };
    const node_id fine = silu(b.weighted_sum({stem, up}, b.child(0, "p3_w1")));
    const node_id below = b.max_pool(fine, 0, window::same_tf(3, 2));
    const node_id zero = b.max_pool(fine, 0, window::same_tf(3, 2), false, pool_border::zero);
    const node_id inner = silu(b.weighted_sum({down, below, zero}, b.child(0, "p4_w2")));
    const node_id soft = b.weighted_sum({down, inner}, b.child(0, "p4_w1"), weighting::softmax);
    const node_id coarse = b.sum({soft, below, zero}, 0);
    const int norms = b.child(0, "bn");
    const node_id depthwise = b.conv2d(fine, b.child(0, "depthwise"), 8, window::same_tf(3), 8);
    const node_id pointwise = b.conv2d(depthwise, b.child(0, "pointwise"), 12, window{}, 1, true);
    b.part(b.output("fine", layout::map), silu(b.batch_norm(pointwise, b.child(norms, 0), 1e-3F)));
    const node_id shared = b.conv2d_shared(b.conv2d_shared(coarse, depthwise), pointwise);
    b.part(b.output("coarse", layout::map), silu(b.batch_norm(shared, b.child(norms, 1), 1e-3F)));
}

} // namespace

TEST_CASE("fused levels with shared convolutions have torch's gradients") {
    const golden_case golden = own_golden("train", "grad_fused_levels");
    const runtime_training_program program(fused_levels_table{}, 0.01F);
    const array input = golden.input();
    const std::vector<float> images = to_batch(input);
    for (const bool recomputes : {false, true}) {
        training_network net(program.view(), {3, recomputes, true});
        net.parameters().load(training_weights(program.graph(), golden.prefix));
        net.forward(images.data());
        for (std::size_t o = 0; o < 2; ++o) {
            const std::string name(net.graph().outputs[o].name);
            CHECK(compare(golden.output(name), output_maps(net, o, net.shape_of(net.graph().parts[o].value))));
            set_output_gradient(net, o, golden.input("upstream." + name));
        }
        net.backward();
        CHECK(check_gradients(golden, net) == 17);
        CHECK(compare(golden.output("grad_input.input"), input_gradient_of(net)));
    }
}

namespace {

// BiFPN's first cell as zylo117 has it (FACTS 9.3, efficientdet/model.py). A network has one input: its channels are
// those of p3, p4 and p5, the pixels of p4 and p5 repeated, and convolutions with ones and zeros take them apart.
struct bifpn_table {};

template <class Builder>
class bifpn_builder {
public:
    explicit bifpn_builder(Builder& b) : b_(b) {}

    void build() {
        const node_id image = b_.input({32, 16, 28});
        const node_id p3 = extract(image, "p3", 6, 1), p4 = extract(image, "p4", 10, 2),
                      p5 = extract(image, "p5", 12, 4);
        const node_id p6_in = pool(lateral(p5, "p5_to_p6")), p7_in = pool(p6_in);
        const node_id p3_in = lateral(p3, "p3_down_channel"), p4_in = lateral(p4, "p4_down_channel"),
                      p5_in = lateral(p5, "p5_down_channel");
        const node_id p6_up = fuse("conv6_up", "p6_w1", {p6_in, up(p7_in, p6_in)});
        const node_id p5_up = fuse("conv5_up", "p5_w1", {p5_in, up(p6_up, p5_in)});
        const node_id p4_up = fuse("conv4_up", "p4_w1", {p4_in, up(p5_up, p4_in)});
        const node_id p3_out = fuse("conv3_up", "p3_w1", {p3_in, up(p4_up, p3_in)});
        const node_id p4_again = lateral(p4, "p4_down_channel_2"), p5_again = lateral(p5, "p5_down_channel_2");
        const node_id p4_out = fuse("conv4_down", "p4_w2", {p4_again, p4_up, pool(p3_out)});
        const node_id p5_out = fuse("conv5_down", "p5_w2", {p5_again, p5_up, pool(p4_out)});
        const node_id p6_out = fuse("conv6_down", "p6_w2", {p6_in, p6_up, pool(p5_out)});
        const node_id p7_out = fuse("conv7_down", "p7_w2", {p7_in, pool(p6_out)});
        for (node_id level : {p3_out, p4_out, p5_out, p6_out, p7_out})
            b_.part(b_.output("level", layout::map), level);
    }

private:
    node_id extract(node_id x, const char* level, int channels, int stride) {
        return b_.conv2d(x, b_.child(b_.child(0, "extract"), level), channels, {1, 1, stride, stride});
    }
    node_id lateral(node_id x, const char* label) {
        const int name = b_.child(0, label);
        x = b_.conv2d(x, b_.child(b_.child(name, 0), "conv"), 8, window{}, 1, true);
        return b_.batch_norm(x, b_.child(name, 1), 1e-3F);
    }
    node_id pool(node_id x) { return b_.max_pool(x, 0, window::same_tf(3, 2), false, pool_border::zero); }
    node_id up(node_id x, node_id like) {
        return b_.resize_like(x, like, 0, {resize_method::mode_type::nearest});
    }
    node_id fuse(const char* label, const char* weight, std::initializer_list<node_id> maps) {
        const int name = b_.child(0, label);
        node_id x = b_.activate(b_.weighted_sum(maps, b_.child(0, weight)), 0, activation::silu);
        x = b_.conv2d(x, b_.child(b_.child(name, "depthwise_conv"), "conv"), 8, window::same_tf(3), 8);
        x = b_.conv2d(x, b_.child(b_.child(name, "pointwise_conv"), "conv"), 8, window{}, 1, true);
        return b_.batch_norm(x, b_.child(name, "bn"), 1e-3F);
    }

    Builder& b_;
};

template <class Builder>
void build_graph(Builder& b, const bifpn_table&) {
    bifpn_builder<Builder>(b).build();
}

// The three maps as one input, [batch, 32, 16, 28].
std::vector<float> one_input(const array (&maps)[3]) {
    std::vector<float> images;
    for (std::size_t n = 0; n < maps[0].shape[0]; ++n)
        for (std::size_t y = 0; y < 32; ++y)
            for (std::size_t x = 0; x < 16; ++x)
                for (std::size_t level = 0; level < 3; ++level) {
                    const shape_type& s = maps[level].shape;
                    for (std::size_t c = 0; c < s[1]; ++c)
                        images.push_back(static_cast<float>(
                            maps[level].values[((n * s[1] + c) * s[2] + (y >> level)) * s[3] + (x >> level)]));
                }
    return images;
}

// Weights of the golden; those that take the input apart are ones at the channels of their map.
state_dict bifpn_weights(graph_view g, const std::string& prefix) {
    state_dict weights;
    std::size_t first = 0;
    for (tensor& t : training_weights(g, prefix).release()) {
        if (t.name.rfind("extract.", 0) == 0) {
            std::fill(t.values.begin(), t.values.end(), 0.0F);
            for (std::size_t c = 0; c < t.shape[0]; ++c)
                t.values[c * t.shape[1] + first + c] = 1;
            first += t.shape[0];
        }
        weights.insert(std::move(t));
    }
    return weights;
}

} // namespace

TEST_CASE("BiFPN's cell has the shared golden's gradients") {
    const auto golden = shared_golden("components", "grad_bifpn");
    if (!golden)
        return;
    const std::string prefix = "grad_bifpn:";
    const runtime_training_program program(bifpn_table{}, 0.01F);
    const array maps[3] = {golden->input("p3"), golden->input("p4"), golden->input("p5")};
    const std::vector<float> images = one_input(maps);
    for (const bool recomputes : {false, true}) {
        training_network net(program.view(), {2, recomputes, true});
        net.parameters().load(bifpn_weights(program.graph(), prefix));
        net.forward(images.data());
        for (std::size_t o = 0; o < 5; ++o) {
            const array maps_out = output_maps(net, o, net.shape_of(net.graph().parts[o].value));
            CHECK(compare(golden->output("out_p" + std::to_string(3 + o)), maps_out));
            set_output_gradient(net, o,
                                {maps_out.shape, fill_input(maps_out.shape, input_rule::sym2,
                                                            "up_y_" + std::to_string(o), prefix)});
        }
        net.backward();
        CHECK(check_gradients(*golden, net) == 100);
        array first = input_gradient_of(net), p3{maps[0].shape, std::vector<double>()};
        for (std::size_t i = 0; i < first.values.size(); ++i)
            if (i / (32 * 16) % 28 < 6)
                p3.values.push_back(first.values[i]);
        CHECK(compare(golden->output("grad_input"), p3));
    }
}
