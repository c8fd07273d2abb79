// Whole networks: what each policy gives each layer.
#include "init_case.hpp"

#include <fovea/train/init/initialize.hpp>

#include "support/golden.hpp"
#include "train/graphs.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <map>

using namespace fovea;
using namespace fovea::test;

namespace {

// Parameters and buffers of a graph after initialize(), by key.
std::map<std::string, std::vector<float>> initialized(graph_view g, initialization_policy policy,
                                                      std::uint64_t seed = 7, float before = 99) {
    std::vector<float> parameters(static_cast<std::size_t>(count_parameters(g)), before);
    std::vector<float> buffers(static_cast<std::size_t>(count_buffers(g)), before);
    initialize(g, policy, seed, parameters, buffers);
    std::map<std::string, std::vector<float>> all;
    auto next_parameter = parameters.begin(), next_buffer = buffers.begin();
    for_each_parameter(g, [&](const parameter& p) {
        auto& next = is_buffer(p.kind) ? next_buffer : next_parameter;
        all[key_of(g, p).str()].assign(next, next + p.dims.size());
        next += p.dims.size();
    });
    return all;
}

bool all_are(const std::vector<float>& values, float value) {
    return !values.empty() && std::all_of(values.begin(), values.end(), [&](float v) { return v == value; });
}

// Every parameter of a network against torchvision's own draw: [parameters, (mean, std, largest)].
void check_against_torchvision(graph_view g, initialization_policy policy, const char* name) {
    const array rows = read_npy(std::string(FOVEA_TEST_DATA) + "/train/init_" + name + ".npy");
    const auto all = initialized(g, policy);
    std::map<std::string, double> sizes; // in the rows' order
    for_each_parameter(g, [&](const parameter& p) {
        if (!is_buffer(p.kind))
            sizes[key_of(g, p).str()] = static_cast<double>(p.dims.size());
    });
    REQUIRE(sizes.size() == rows.shape.at(0));
    const double* want = rows.values.data();
    for (const auto& [key, n] : sizes) {
        const double mean = want[0], std = want[1], largest = want[2];
        want += 3;
        const statistics got = statistics_of(all.at(key));
        CAPTURE(name, key, n, mean, std, largest);
        if (std == 0) {
            CHECK((got.std == 0 && got.mean == Approx(mean)));
            continue;
        }
        CHECK(std::abs(got.mean - mean) < 7 * std / std::sqrt(n)); // both are means of a draw
        CHECK(got.std == Approx(std).epsilon(6 / std::sqrt(n)));
        if (n > 1000) // a normal distribution, or a uniform one
            CHECK((got.largest > 2 * got.std) == (largest > 2 * std));
    }
}

} // namespace

TEST_CASE("networks begin as torchvision's") {
    check_against_torchvision(graph_of<tables::mobilenet_v2>(), policies::mobilenet, "mobilenet_v2");
    check_against_torchvision(graph_of<tables::mobilenet_v3_small>(), policies::mobilenet,
                              "mobilenet_v3_small");
    check_against_torchvision(graph_of<tables::ssdlite320_mobilenet_v3_large>(), policies::ssdlite,
                              "ssdlite320");
}

TEST_CASE("buffers begin at mean 0 and variance 1") {
    const auto all = initialized(graph_of<tables::mobilenet_v3_small>(), policies::mobilenet);
    CHECK(all_are(all.at("features.0.1.running_mean"), 0));
    CHECK(all_are(all.at("features.0.1.running_var"), 1));
    CHECK(all_are(all.at("features.0.1.num_batches_tracked"), 0));
    CHECK(all_are(all.at("features.0.1.weight"), 1));
    CHECK(all_are(all.at("features.0.1.bias"), 0));
}

TEST_CASE("a pretrained backbone is kept whole, extra layers and heads are drawn") {
    const graph_view g = graph_of<tables::ssdlite320_mobilenet_v3_large>();
    for (const auto& [key, values] : initialized(g, policies::ssdlite_pretrained)) {
        CAPTURE(key);
        CHECK(all_are(values, 99) == has_key_prefix(key, "backbone.features"));
    }
    const auto all = initialized(g, policies::ssdlite_pretrained);
    CHECK(statistics_of(all.at("backbone.extra.0.0.0.weight")).std == Approx(0.03).epsilon(0.03));
}

TEST_CASE("values follow from seed and key, not from the rest of the network") {
    const graph_view small = graph_of<tables::mobilenet_v3_small>();
    const auto first = initialized(small, policies::mobilenet),
               again = initialized(small, policies::mobilenet);
    CHECK(first == again);
    const auto other = initialized(small, policies::mobilenet, 8);
    CHECK(other.at("features.0.0.weight") != first.at("features.0.0.weight"));
    // The stem of both networks has one shape and one key.
    const auto large = initialized(graph_of<tables::mobilenet_v2>(), policies::mobilenet);
    const auto& stem = large.at("features.0.0.weight");
    CHECK(std::equal(first.at("features.0.0.weight").begin(), first.at("features.0.0.weight").end(),
                     stem.begin(), [](float a, float b) { return std::abs(a) > 0 && a * b > 0; }));
    CHECK(first.at("features.1.block.0.0.weight") != first.at("features.2.block.1.0.weight"));
}

namespace {

// A graph of 3x3 convolutions (8 to 96 channels, with bias) of these names, and a linear layer "fc".
template <std::size_t N>
std::map<std::string, std::vector<float>> named_layers(const char* const (&names)[N],
                                                       initialization_policy policy, int groups = 1) {
    builder<64> b;
    const node_id image = b.input({4, 4, 8});
    node_id last = image;
    for (const char* name : names) {
        int part = 0;
        for (std::string_view rest = name; !rest.empty();) {
            const std::string_view label = rest.substr(0, rest.find('.'));
            part = std::isdigit(static_cast<unsigned char>(label[0])) ? b.child(part, label[0] - '0')
                                                                      : b.child(part, label);
            rest.remove_prefix(std::min(rest.size(), label.size() + 1));
        }
        last = b.conv2d(image, part, 96, {3, 3, 1, 1, 1, 1, 1, 1, 1}, groups, true);
    }
    b.linear(b.global_average_pool(last, 0), b.child(0, "fc"), 64);
    return initialized(b.view(), policy);
}

} // namespace

TEST_CASE("policies of networks in parts") {
    const double in = 72, out = 864; // fans of a convolution
    const auto std_of = [](const auto& all, const char* key) { return statistics_of(all.at(key)).std; };
    const auto near_to = [](double value) { return Approx(value).epsilon(0.03); };
    {
        const auto all = named_layers({"backbone.features.0", "backbone.extra.0.5", "backbone.extra.0.7.1",
                                       "backbone.extra.1.0", "head.classification_head.module_list.0"},
                                      policies::ssd300);
        CHECK(std_of(all, "backbone.features.0.weight") == near_to(std::sqrt(2 / out)));
        CHECK(std_of(all, "backbone.extra.0.5.weight") == near_to(std::sqrt(2 / out)));
        for (const char* key : {"backbone.extra.0.7.1.weight", "backbone.extra.1.0.weight",
                                "head.classification_head.module_list.0.weight"})
            CHECK(std_of(all, key) == near_to(std::sqrt(2 / (in + out))));
        CHECK(all_are(all.at("backbone.extra.1.0.bias"), 0));
    }
    {
        const auto all = named_layers(
            {"backbone.body.0.0", "backbone.fpn.inner_blocks.0", "rpn.head.conv", "roi_heads.box_head"},
            policies::faster_rcnn);
        CHECK(std_of(all, "backbone.body.0.0.weight") == near_to(std::sqrt(2 / out)));
        CHECK(std_of(all, "backbone.fpn.inner_blocks.0.weight") == near_to(std::sqrt(1 / in)));
        CHECK(std_of(all, "rpn.head.conv.weight") == near_to(0.01));
        CHECK(std_of(all, "roi_heads.box_head.weight") == near_to(std::sqrt(1 / in / 3)));
        CHECK(statistics_of(all.at("roi_heads.box_head.bias")).largest <= std::sqrt(1 / in));
        CHECK(statistics_of(all.at("fc.bias")).largest <= std::sqrt(1.0 / 96));
        CHECK(statistics_of(all.at("fc.bias")).largest > 0.8 * std::sqrt(1.0 / 96));
        CHECK(all_are(all.at("rpn.head.conv.bias"), 0));
    }
    {
        const auto all =
            named_layers({"regressor.header", "classifier.header", "classifier.headers"}, policies::zylo117);
        CHECK(std_of(all, "classifier.header.weight") == near_to(std::sqrt(1 / in)));
        CHECK(all_are(all.at("classifier.header.bias"), static_cast<float>(-std::log(99.0))));
        CHECK(all_are(all.at("regressor.header.bias"), 0));
        CHECK(all_are(all.at("classifier.headers.bias"), 0));
    }
    {
        for (int groups : {1, 2}) {
            const auto all = named_layers({"backbone.conv_stem", "fpn.cell.0", "box_net.predict.conv_pw",
                                           "class_net.conv_rep.0", "class_net.predict.conv_pw"},
                                          policies::effdet, groups);
            const double group_in = in / groups, group_out = out / groups;
            CHECK(std_of(all, "backbone.conv_stem.weight") == near_to(std::sqrt(2 / group_out)));
            const double limit = std::sqrt(6 / (group_in + group_out));
            CHECK(std_of(all, "fpn.cell.0.weight") == near_to(limit / std::sqrt(3.0)));
            CHECK(statistics_of(all.at("fpn.cell.0.weight")).largest <= limit);
            for (const char* key : {"box_net.predict.conv_pw.weight", "class_net.conv_rep.0.weight",
                                    "class_net.predict.conv_pw.weight"})
                CHECK(std_of(all, key) == near_to(std::sqrt(1 / group_in)));
            CHECK(all_are(all.at("class_net.predict.conv_pw.bias"), static_cast<float>(-std::log(99.0))));
            CHECK(all_are(all.at("class_net.conv_rep.0.bias"), 0));
            CHECK(all_are(all.at("box_net.predict.conv_pw.bias"), 0));
        }
    }
    {
        const auto all = named_layers({"features.0"}, policies::efficientnet);
        CHECK(std_of(all, "features.0.weight") == near_to(std::sqrt(2 / out)));
        CHECK(statistics_of(all.at("fc.weight")).largest == Approx(1.0 / 8).epsilon(0.01));
    }
    {
        const auto all = named_layers({"backbone.0", "classifier.0"}, policies::segmentation);
        CHECK(std_of(all, "backbone.0.weight") == near_to(std::sqrt(2 / out)));
        CHECK(std_of(all, "classifier.0.weight") == near_to(std::sqrt(1 / in / 3)));
    }
}

TEST_CASE("initialize refuses wrong sizes and policies with gaps") {
    const graph_view g = graph_of<tables::mobilenet_v3_small>();
    std::vector<float> parameters(static_cast<std::size_t>(count_parameters(g)));
    std::vector<float> buffers(static_cast<std::size_t>(count_buffers(g)));
    const span<float> all(parameters);
    CHECK_THROWS_AS(initialize(g, policies::mobilenet, 0, all.subspan(1, all.size() - 1), buffers),
                    input_error);
    CHECK_THROWS_AS(initialize(g, policies::mobilenet, 0, parameters, {}), input_error);
    const module_initializers gap[] = {{"features", init::normal(1), init::constant(0), {}, {}}};
    CHECK_THROWS_WITH(initialize(g, gap, 0, parameters, buffers), Catch::Contains("classifier.0"));
}

TEST_CASE("weights of sums begin with 1, shared convolutions are drawn once") {
    builder<8> b;
    const node_id x = b.input({8, 8, 4});
    const node_id conv = b.conv2d(x, b.child(0, "conv"), 4, window::same_tf(3));
    const node_id again = b.conv2d_shared(conv, conv);
    b.weighted_sum({x, conv, again}, b.child(0, "p4_w2"));
    const auto all = initialized(b.view(), policies::mobilenet);
    CHECK(all.size() == 2);
    CHECK(all.at("p4_w2") == std::vector<float>{1, 1, 1});
    CHECK(all.at("conv.weight").size() == 4 * 4 * 9);
}
