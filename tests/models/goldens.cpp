// Whole networks against the reference systems' numbers: the shared goldens where they exist, and our own
// always.
#include "support.hpp"

#include <fovea/models/efficientnet_names.hpp>

using namespace fovea;
using namespace fovea::test;

namespace {

constexpr auto v2 = tables::mobilenet_v2;
constexpr auto large = tables::mobilenet_v3_large;
constexpr auto small = tables::mobilenet_v3_small;
constexpr auto ssdlite = tables::ssdlite320_mobilenet_v3_large;

// The table of a golden case.
template <class Table>
struct golden_table {
    const char* name;
    Table table;
    bool shared;
};

constexpr golden_table<tables::mobilenet_v2_table> v2_cases[] = {
    {"mobilenet_v2", v2, true},
    {"mobilenet_v2_w050", v2.with_width(0.5), true},
    {"mobilenet_v2_w140", v2.with_width(1.4).with_classes(10), true},
    {"mobilenet_v2_96", v2, false},
    {"mobilenet_v2_w035_odd", v2.with_width(0.35).with_classes(10), false},
};
constexpr golden_table<tables::mobilenet_v3_table> v3_cases[] = {
    {"mobilenet_v3_large", large, true},
    {"mobilenet_v3_large_dilated", large.with_dilation(), true},
    {"mobilenet_v3_large_odd", large, true},
    {"mobilenet_v3_large_tail", large.with_reduced_tail(), true},
    {"mobilenet_v3_large_w075", large.with_width(0.75), true},
    {"mobilenet_v3_small", small, true},
    {"mobilenet_v3_small_tail_dilated", small.with_reduced_tail().with_dilation(), true},
    {"mobilenet_v3_small_w050", small.with_width(0.5).with_classes(10), true},
    {"mobilenet_v3_large_96", large, false},
    {"mobilenet_v3_large_odd", large, false},
    {"mobilenet_v3_large_tail_dilated", large.with_reduced_tail().with_dilation(), false},
    {"mobilenet_v3_large_w075", large.with_width(0.75).with_classes(7), false},
    {"mobilenet_v3_small_96", small, false},
    {"mobilenet_v3_small_tail_dilated", small.with_reduced_tail().with_dilation(), false},
    {"mobilenet_v3_small_w125", small.with_width(1.25).with_classes(12), false},
};
constexpr golden_table<tables::efficientnet_table> efficientnet_cases[] = {
    {"efficientnet_b0", tables::efficientnet_b0, true},
    {"efficientnet_b1", tables::efficientnet_b1, true},
    {"efficientnet_b2", tables::efficientnet_b2, true},
    {"efficientnet_b4", tables::efficientnet_b4, true},
    {"efficientnet_b5", tables::efficientnet_b5, true},
    {"efficientnet_b6", tables::efficientnet_b6, true},
    {"efficientnet_b7", tables::efficientnet_b7, true},
    {"efficientnet_b0_96", tables::efficientnet_b0, false},
    {"efficientnet_b1_odd", tables::efficientnet_b1.with_classes(10), false},
    {"efficientnet_b3_64", tables::efficientnet_b3.with_classes(10), false},
    {"efficientnet_w035_d050_odd", tables::efficientnet_b0.with_width(0.35).with_depth(0.5).with_classes(10),
     false},
    {"efficientnet_lite0_96", tables::efficientnet_lite0, false},
    {"efficientnet_lite1_odd", tables::efficientnet_lite1.with_classes(10), false},
    {"efficientnet_lite2_odd", tables::efficientnet_lite2.with_classes(10), false},
};
constexpr golden_table<tables::ssdlite_table> ssdlite_cases[] = {
    {"ssdlite320", ssdlite, true},
    {"ssdlite320_c91", ssdlite, false},
    {"ssdlite320_c21_full_tail", ssdlite.with_classes(21).with_backbone(large.with_input(320, 320)), false},
};

// The order of torch's state dict. A graph has a detector's heads right behind their levels, torch has them
// last.
std::vector<named_shape> in_torch_order(std::vector<named_shape> entries) {
    const auto rank = [](const named_shape& e) {
        return e.name.rfind("head.", 0) != 0 ? 0 : e.name.rfind("head.classification_head.", 0) == 0 ? 1 : 2;
    };
    std::stable_sort(entries.begin(), entries.end(),
                     [&](const named_shape& a, const named_shape& b) { return rank(a) < rank(b); });
    return entries;
}

// Names, shapes and order of all parameters and buffers, listed or hashed, and the counts.
void check_state_dict(const golden_case& golden, graph_view g) {
    const std::vector<named_shape> ours = in_torch_order(state_entries(g));
    REQUIRE((golden.state_dict_hash || !golden.state_dict.empty()));
    if (golden.state_dict_hash)
        CHECK(state_dict_hash(ours) == *golden.state_dict_hash);
    for (std::size_t i = 0; i < golden.state_dict.size() && i < ours.size(); ++i) {
        INFO(ours[i].name);
        REQUIRE(ours[i].name == golden.state_dict[i].name);
        CHECK(ours[i].shape == golden.state_dict[i].shape);
    }
    if (!golden.state_dict.empty())
        CHECK(golden.state_dict.size() == ours.size());
    CHECK(static_cast<std::size_t>(count_parameters(g)) == golden.param_count);
}

// Where the module behind a golden's inner output ends in our graph: "tap.<module>", or SSD's
// "feature.<level>".
std::string module_of(const std::string& output) {
    if (output.rfind("tap.", 0) == 0)
        return output.substr(4);
    const int level = std::stoi(output.substr(output.find('.') + 1));
    return level < 2 ? "backbone.features." + std::to_string(level)
                     : "backbone.extra." + std::to_string(level - 2);
}

void check_outputs(const golden_case& golden, network& net) {
    const graph_view g = net.program().graph;
    forward(net, golden.input());
    for (std::size_t i = 0; i < g.outputs.size(); ++i) {
        const golden_output& expected = golden.output(g.outputs[i].name);
        CHECK(compare(expected, output_of(net, i, expected.shape)));
    }
}

// Inner maps, image by image: only the last image's values stay readable.
void check_inner_outputs(const golden_case& golden, network& net) {
    std::vector<node_id> nodes;
    std::vector<array> inner;
    for (const golden_output& expected : golden.outputs)
        if (expected.name.find('.') != std::string::npos) {
            nodes.push_back(last_node_of(net.program().graph, module_of(expected.name)));
            REQUIRE(nodes.back() >= 0);
            inner.push_back({expected.shape, std::vector<double>(element_count(expected.shape))});
        }
    const array input = golden.input();
    const shape_type one{1, input.shape[1], input.shape[2], input.shape[3]};
    const auto size = static_cast<std::ptrdiff_t>(element_count(one));
    for (std::size_t n = 0; n < input.shape[0] && !nodes.empty(); ++n) {
        const auto first = input.values.begin() + static_cast<std::ptrdiff_t>(n) * size;
        forward(net, {one, std::vector<double>(first, first + size)}, true);
        for (std::size_t i = 0; i < nodes.size(); ++i)
            put_image(inner[i], n, image_of<double>(value_of(net, nodes[i]), 0));
    }
    std::size_t next = 0;
    for (const golden_output& expected : golden.outputs)
        if (expected.name.find('.') != std::string::npos)
            CHECK(compare(expected, inner[next++]));
}

// With whole blocks fused, as users have it, and layer by layer, where every inner value can be seen.
template <class Table, std::size_t Count>
void check_goldens(const golden_table<Table> (&cases)[Count]) {
    for (const auto& c : cases) {
        INFO(c.name << (c.shared ? ", shared" : ", own"));
        const auto golden = c.shared ? shared_golden("models", c.name) : own_golden("models", c.name);
        if (!golden)
            continue;
        const runtime_program program(c.table), layers(c.table, fusion_level::layers);
        check_state_dict(*golden, program.graph());
        const state_dict weights = weights_of(*golden, program.graph());
        network net(program.view(), weights), layered(layers.view(), weights);
        check_outputs(*golden, net);
        check_outputs(*golden, layered);
        check_inner_outputs(*golden, layered);
    }
}

} // namespace

TEST_CASE("MobileNetV2 computes torchvision's numbers in every variant") {
    check_goldens(v2_cases);
}

TEST_CASE("MobileNetV3 computes torchvision's numbers in every variant") {
    check_goldens(v3_cases);
}

TEST_CASE("EfficientNet computes torchvision's numbers, EfficientNet-Lite the port's", "[long]") {
    check_goldens(efficientnet_cases);
}

TEST_CASE("an EfficientNet computes the same bits under every reference's names, which its weights tell") {
    using names = tables::efficientnet_names;
    const auto table = tables::efficientnet_b0.with_width(0.35).with_depth(0.5).with_classes(10);
    const auto golden = own_golden("models", "efficientnet_w035_d050_odd");
    const runtime_program reference(table);
    const std::vector<named_tensor> values = golden.parameters(state_entries(reference.graph()));
    CHECK(efficientnet_names_of(state_dict()) == std::nullopt);
    for (names scheme : {names::torchvision, names::port, names::zylo117, names::timm}) {
        const runtime_program program(table.with_names(scheme));
        const std::vector<named_shape> entries = state_entries(program.graph());
        REQUIRE(entries.size() == values.size());
        state_dict weights;
        for (std::size_t i = 0; i < entries.size(); ++i) {
            REQUIRE(entries[i].shape == values[i].shape);
            weights.insert({entries[i].name, dtype::float32, values[i].shape, values[i].values});
        }
        CHECK(efficientnet_names_of(weights) == scheme);
        const state_dict renamed = with_names_of(table, weights);
        REQUIRE(renamed.size() == values.size());
        for (const named_tensor& value : values)
            CHECK(renamed.at(value.name).values == value.values);
        network net(program.view(), weights);
        check_outputs(golden, net);
    }
}

TEST_CASE("SSDLite computes torchvision's numbers in every variant") {
    check_goldens(ssdlite_cases);
}

TEST_CASE("SSDLite's default boxes are torchvision's") {
    for (const auto& c : ssdlite_cases) {
        const auto golden = c.shared ? shared_golden("models", c.name) : own_golden("models", c.name);
        if (!golden)
            continue;
        const runtime_program program(c.table);
        const graph_view g = program.graph();
        const default_boxes boxes = boxes_of(g, c.table.boxes, g[0].out, [&](node_id i) { return g[i].out; });
        array anchors{{boxes.size(), 4}, std::vector<double>()};
        for (std::size_t i = 0; i < boxes.size(); ++i) {
            const box b = boxes[i];
            for (float side : {b.x1, b.y1, b.x2, b.y2})
                anchors.values.push_back(static_cast<double>(side));
        }
        CHECK(compare(golden->output("anchors"), anchors));
    }
}

TEST_CASE("model types compute the same bits as tables at run time, batches the same as single images") {
    const auto golden = own_golden("models", "mobilenet_v3_small_96");
    using net_type = mobilenet_v3_small<>;
    network net(net_type::program(), weights_of(golden, net_type::graph));
    const runtime_program program(small);
    network same(program.view(), weights_of(golden, program.graph()));
    for (const shape_type& extents : {shape_type{3, 3, 224, 224}, shape_type{2, 3, 33, 65}}) {
        const array batch{extents, fill_input(extents)};
        forward(net, batch);
        forward(same, batch);
        const std::vector<float> all(net.output(0).begin(), net.output(0).end());
        CHECK(std::equal(all.begin(), all.end(), same.output(0).begin()));
        const shape s = image_shape(extents);
        const std::vector<float> images = to_nhwc(batch);
        const std::size_t logits = all.size() / extents[0];
        net.plan(1, s.height, s.width);
        for (std::size_t n = 0; n < extents[0]; ++n) {
            net.forward(images.data() + n * s.size());
            CHECK(std::equal(net.output(0).begin(), net.output(0).end(),
                             all.begin() + static_cast<std::ptrdiff_t>(n * logits)));
        }
    }
}
