// Backward passes against torch's numbers: blocks and heads.
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
    b.part(b.output("bbox_regression", layout::rows, 4),
           blocks::prediction_head(b, x, bbox, t.anchors * 4, 1e-3F));
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
        CHECK(compare(golden.output("grad_input.input"), input_gradient_of(net)));
    }
}

} // namespace

TEST_CASE("MobileNetV3's blocks have torch's gradients") {
    using namespace tables;
    check_own("grad_mbv3_block_skip", block_table{{8, 3, 24, 8, true, activation::hardswish, 1, 1}, 7, 9},
              0.01F);
    check_own("grad_mbv3_block_frozen", block_table{{8, 3, 24, 8, true, activation::hardswish, 1, 1}, 7, 9},
              0.01F, true);
    check_own("grad_mbv3_block_stride", block_table{{8, 5, 24, 16, true, activation::relu, 2, 1}, 7, 10},
              0.01F);
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
    set_output_gradient(
        net, 0, {input.shape, fill_input(input.shape, input_rule::sym2, "up_y_0", "grad_mbv3_block:")});
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
        part.values.insert(part.values.end(), begin,
                           begin + static_cast<std::ptrdiff_t>(count * all.shape[2]));
    }
    return part;
}

struct head_case {
    shape maps[2];
    int anchors[2];
    int classes;
};

// Level by level: the levels share nothing.
void check_head(const golden_case& golden, const head_case& c, const std::string& prefix,
                const array (&inputs)[2], const array (&upstream)[2],
                const std::string (&input_gradients)[2]) {
    std::size_t first = 0;
    for (int level = 0; level < 2; ++level) {
        const runtime_training_program program(head_table{c.maps[level], level, c.anchors[level], c.classes},
                                               0.03F);
        const auto batch = static_cast<int>(inputs[level].shape[0]);
        training_network net(program.view(), {batch, false, true});
        net.parameters().load(training_weights(program.graph(), prefix));
        const std::vector<float> images = to_batch(inputs[level]);
        net.forward(images.data());
        const auto rows =
            static_cast<std::size_t>(c.maps[level].height * c.maps[level].width * c.anchors[level]);
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
                        CHECK(compare(expected,
                                      numbers_of(net, expected.name.substr(kind.size()), kind == "grad.")));
                    }
        }
        if (!input_gradients[level].empty())
            CHECK(compare(golden.output(input_gradients[level]), input_gradient_of(net)));
    }
}

} // namespace

TEST_CASE("SSDLite's heads have torch's gradients") {
    const golden_case own = own_golden("train", "grad_ssdlite_two_levels");
    check_head(own, {{{5, 6, 12}, {3, 3, 8}}, {6, 4}, 3}, own.prefix,
               {own.input("input0"), own.input("input1")},
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
