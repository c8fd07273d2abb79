// EfficientDet's networks against zylo117's port, whose goldens are shared, and a small implementation of
// both ports' (tests/golden/efficientdet.py).
#include "support.hpp"

#include <fovea/models/efficientdet.hpp>

#include <cmath>
#include <fstream>

using namespace fovea;
using namespace fovea::test;

namespace {

using efficientdet_table = tables::efficientdet_table;

struct efficientdet_case {
    const char* name;
    efficientdet_table table;
};

constexpr auto d0 = tables::efficientdet_d0;
constexpr efficientdet_case shared_d0[] = {
    {"efficientdet_d0", d0},
    {"efficientdet_d0_20", d0.with_classes(20)},
    {"efficientdet_d0_infpad", d0.with_border(pool_border::excluded)},
};
constexpr efficientdet_case shared_large[] = {
    {"efficientdet_d2", tables::efficientdet_d2}, {"efficientdet_d4", tables::efficientdet_d4},
    {"efficientdet_d5", tables::efficientdet_d5}, {"efficientdet_d6", tables::efficientdet_d6},
    {"efficientdet_d7", tables::efficientdet_d7}, {"efficientdet_d8", tables::efficientdet_d7x},
};

// effdet's own efficientdet_d0 and _d1: PyTorch's padding, no bias that a batch-norm takes away again.
constexpr efficientdet_table native(efficientdet_table t) {
    t.tf_same = t.pointwise_bias = false;
    return t.with_backbone(t.backbone);
}

constexpr efficientdet_table with_levels(const efficientdet_table& t, int min_level, int max_level) {
    auto anchors = t.anchors;
    anchors.min_level = min_level;
    anchors.max_level = max_level;
    return t.with_anchors(anchors);
}

// A backbone of about a third of B0's channels and half its blocks.
constexpr efficientdet_table tiny_of(const efficientdet_table& t) {
    return t.with_backbone(t.backbone.with_width(0.35).with_depth(0.5))
        .with_channels(24)
        .with_cells(2)
        .with_head_layers(2)
        .with_classes(5);
}
constexpr auto tiny = tiny_of(d0), tiny_effdet = tiny_of(tables::tf_efficientdet_d0);

constexpr efficientdet_case own_cases[] = {
    {"efficientdet_d0_128", d0},
    {"efficientdet_tiny", tiny},
    {"efficientdet_tiny_effdet", tiny_effdet},
    {"efficientdet_tiny_native", native(tiny_effdet)},
    {"efficientdet_tiny_levels",
     with_levels(tiny_effdet, 3, 8).with_cell(tables::bifpn_cell, weighting::none)},
    {"efficientdet_tiny_fine", with_levels(tiny, 2, 6)},
    {"efficientdet_tiny_softmax", tiny.with_cell(tables::bifpn_cell, weighting::softmax).with_head_layers(0)},
    {"efficientdet_tiny_fpn", tiny.with_cell(tables::fpn_cell, weighting::fast)},
    {"efficientdet_tiny_panet", tiny_effdet.with_cell(tables::panet_cell, weighting::fast)},
};

std::vector<named_shape> by_name(std::vector<named_shape> entries) {
    std::sort(entries.begin(), entries.end(),
              [](const named_shape& a, const named_shape& b) { return a.name < b.name; });
    return entries;
}

// Names and shapes, in any order: the ports list a pyramid before its backbone.
void check_state_entries(const golden_case& golden, graph_view g) {
    const auto ours = by_name(state_entries(g)), theirs = by_name(golden.state_dict);
    REQUIRE(ours.size() == theirs.size());
    for (std::size_t i = 0; i < ours.size(); ++i) {
        REQUIRE(ours[i].name == theirs[i].name);
        CHECK(ours[i].shape == theirs[i].shape);
    }
}

// The table for the golden's input, which is smaller than a large network's own.
efficientdet_table table_for(const efficientdet_case& c, const golden_case& golden) {
    const shape s = image_shape(golden.inputs.at(0).shape);
    return c.table.with_input(s.height, s.width);
}

// zylo117's classifier ends with a sigmoid, our output are logits.
void apply_sigmoid(array& logits) {
    for (double& x : logits.values)
        x = static_cast<double>(static_cast<float>(1 / (1 + std::exp(-x))));
}

void check_outputs_of(const golden_case& golden, const network& net, bool sigmoid) {
    const graph_view g = net.program().graph;
    for (std::size_t i = 0; i < g.outputs.size(); ++i) {
        const golden_output& expected = golden.output(g.outputs[i].name);
        array got = output_of(net, i, expected.shape);
        if (g.outputs[i].per_class && sigmoid)
            apply_sigmoid(got);
        CHECK(compare(expected, got));
    }
}

// The module that ends with a cell's map of a level, in the table's names.
std::string cell_module(const efficientdet_table& t, const std::string& cell, int level) {
    const tables::pyramid_cell data = tables::cell_of(t);
    std::size_t last = 0;
    for (std::size_t i = 0; i < data.nodes.size(); ++i)
        if (data.nodes[i].level == level)
            last = i;
    if (t.names == tables::efficientdet_names::effdet)
        return "fpn.cell." + cell + ".fnode." + std::to_string(last);
    bool up = false;
    for (int id : data.nodes[last].inputs)
        up = up || data.level_of(id) > level;
    return "bifpn." + cell + ".conv" + std::to_string(level) + (up ? "_up" : "_down");
}

// Where an inner map of a golden ends in our graph: "bifpn.<cell>.p<level>", or "cell."; "backbone.p<level>"
// is what zylo117's down_channel reads.
node_id inner_node(graph_view g, const efficientdet_table& t, const std::string& output) {
    const int level = output.back() - '0';
    if (output.rfind("backbone.", 0) != 0) {
        const std::size_t first = output.find('.') + 1;
        return last_node_of(g, cell_module(t, output.substr(first, output.rfind('.') - first), level));
    }
    const node_id norm = last_node_of(g, "bifpn.0.p" + std::to_string(level) + "_down_channel");
    return norm < 0 ? norm : g[g[norm].inputs[0]].inputs[0];
}

// Whether a step computes the node's own value. A map that one activation alone reads is not kept: the
// coarsest of PANet, in front of the next cell.
bool is_kept(const network& net, node_id node) {
    bool found = false;
    for (const step& s : net.program().steps)
        found = found || s.value == node;
    return found;
}

// Image by image: only the last image's values stay readable.
void check_inner_maps(const golden_case& golden, network& net, const efficientdet_table& t) {
    const array input = golden.input();
    const shape_type one{1, input.shape[1], input.shape[2], input.shape[3]};
    const auto size = static_cast<std::ptrdiff_t>(element_count(one));
    std::map<std::string, array> inner;
    for (std::size_t n = 0; n < input.shape[0]; ++n) {
        const auto first = input.values.begin() + static_cast<std::ptrdiff_t>(n) * size;
        forward(net, {one, std::vector<double>(first, first + size)}, true);
        for (const golden_output& expected : golden.outputs) {
            if (expected.name.find('.') == std::string::npos)
                continue;
            const node_id node = inner_node(net.program().graph, t, expected.name);
            REQUIRE(node >= 0);
            if (!is_kept(net, node))
                continue;
            array& all = inner[expected.name];
            if (n == 0)
                all = {expected.shape, std::vector<double>(element_count(expected.shape))};
            put_image(all, n, image_of<double>(value_of(net, node), 0));
        }
    }
    REQUIRE(inner.size() + 4 >= golden.outputs.size()); // but for classes, boxes, anchors and one such map
    for (const auto& [name, maps] : inner)
        CHECK(compare(golden.output(name), maps));
}

// With whole blocks fused, as users have it, and layer by layer, where every inner value can be seen.
void check_case(const efficientdet_case& c, const golden_case& golden, bool shared) {
    INFO(c.name);
    const efficientdet_table table = table_for(c, golden);
    const runtime_program program(table), layers(table, fusion_level::layers);
    const graph_view g = program.graph();
    if (golden.state_dict_hash)
        CHECK(state_dict_hash(by_name(state_entries(g))) == *golden.state_dict_hash);
    else
        check_state_entries(golden, g);
    CHECK(static_cast<std::size_t>(count_parameters(g)) == golden.param_count);
    CHECK(static_cast<std::size_t>(count_macs(g)) == golden.macs_per_image);
    const state_dict weights = weights_of(golden, g);
    network net(program.view(), weights), layered(layers.view(), weights);
    forward(net, golden.input());
    check_outputs_of(golden, net, shared);
    forward(layered, golden.input());
    check_outputs_of(golden, layered, shared);
    check_inner_maps(golden, layered, table);
}

} // namespace

TEST_CASE("EfficientDet-D0 computes zylo117's numbers, with both borders of pools", "[long]") {
    for (const auto& c : shared_d0)
        if (const auto golden = shared_golden("models", c.name))
            check_case(c, *golden, true);
}

TEST_CASE("EfficientDet D2 to D7x compute zylo117's numbers", "[long]") {
    for (const auto& c : shared_large)
        if (const auto golden = shared_golden("models", c.name))
            check_case(c, *golden, true);
}

TEST_CASE("EfficientDet in every variant of a table computes the reference's numbers") {
    for (const auto& c : own_cases)
        check_case(c, own_golden("models", c.name), false);
}

TEST_CASE("names and shapes of EfficientDet's parameters are those of both ports") {
    const std::map<std::string, efficientdet_table> other_names = {
        {"efficientdet_d8", tables::efficientdet_d7x},
        {"efficientdet_d0_native", native(tables::tf_efficientdet_d0)}};
    std::ifstream file(std::filesystem::path(FOVEA_TEST_DATA) / "models/efficientdet_keys.txt");
    std::string name, hash;
    std::size_t entries = 0;
    int lines = 0;
    for (; file >> name >> entries >> hash; ++lines) {
        INFO(name);
        const auto other = other_names.find(name);
        const std::size_t d = name.rfind("_d") + 2;
        const int row = name.substr(d) == "7x" ? 8 : name[d] - '0';
        const runtime_graph graph(other != other_names.end()  ? other->second
                                  : name.rfind("tf_", 0) == 0 ? tables::tf_efficientdet(row)
                                                              : tables::efficientdet(row));
        const auto ours = by_name(state_entries(graph.view()));
        CHECK(ours.size() == entries);
        CHECK(state_dict_hash(ours) == std::stoull(hash, nullptr, 16));
    }
    CHECK(lines == 17);
}
