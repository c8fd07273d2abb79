#include "support/fill.hpp"

#include <catch2/catch.hpp>

#include <cstring>
#include <numeric>

using namespace fovea::test;

namespace {

template <class T>
std::uint64_t hash_of(const std::vector<T>& values) {
    std::string bytes(values.size() * sizeof(T), '\0');
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return fnv1a64(bytes);
}

} // namespace

TEST_CASE("streams are FNV-1a seeded splitmix64") {
    CHECK(fnv1a64("") == 0xcbf29ce484222325u);
    CHECK(fnv1a64("a") == 0xaf63dc4c8601ec8cu);
    CHECK(fnv1a64("h\xc3\xa9") == 0x3130f1192e1ad66fu);
    CHECK(stream("input", 3) ==
          std::vector<std::uint64_t>{0x190a9f76a9bd8bf6u, 0xa70117d09cb2bc5bu, 0x3420b86a56b4f31fu});
    CHECK(uniform("input", 2) == std::vector<double>{0.09781831502914429, 0.6523603796958923});

    const auto indices = sample_indices("logits", 2000);
    REQUIRE(indices.size() == 64);
    CHECK(indices.front() == 533);
    CHECK(indices.back() == 594);
    CHECK(sample_indices("logits", 0).empty());
}

TEST_CASE("every fill rule is bit-exact") {
    struct expectation {
        const char* name;
        shape_type shape;
        bool norm;
        double gain;
        float first;
        std::uint64_t hash;
    };
    const expectation cases[] = {
        {"features.0.0.weight", {16, 3, 3, 3}, false, 0.92, 0.32122471928596497f, 0xffd794aca684cc76u},
        {"classifier.3.weight", {10, 1280}, false, 1.0, -0.011259468272328377f, 0xba7b354b01a015cfu},
        {"features.0.1.weight", {16}, false, 1.0, 1.1163749694824219f, 0x132a6b05c2a85975u},
        {"features.0.1.bias", {16}, true, 1.0, -0.19500339031219482f, 0x48d233f9654b8d75u},
        {"features.0.1.running_mean", {16}, false, 1.0, -0.16529464721679688f, 0x919b67c872676de8u},
        {"features.0.1.running_var", {16}, false, 1.0, 0.7220338582992554f, 0xbd198de7b48f0d0bu},
        {"classifier.3.bias", {10}, false, 1.0, 0.006409597583115101f, 0x852459eff1eda57cu},
        {"backbone.scale_weight", {512}, false, 1.0, 16.812768936157227f, 0x3506289e1a3df475u},
        {"bifpn.0.p4_w2", {3}, false, 1.0, 0.38815838098526f, 0x9c71b1660550d9c2u},
        {"fpn.cell.0.fnode.4.combine.edge_weights",
         {3},
         false,
         1.0,
         0.2433048039674759f,
         0x12bb4a5845f2ca03u},
    };
    for (const auto& c : cases) {
        INFO(c.name);
        const auto values = fill_value(c.name, c.shape, c.norm, c.gain);
        CHECK(values.front() == c.first);
        CHECK(hash_of(values) == c.hash);
    }
    CHECK(hash_of(fill_value("a.weight", {3, 2}, false, 1.0, "holdout:")) == 0x6e251cb51383454u);
    CHECK(fill_value("features.0.1.num_batches_tracked", {}) == std::vector<float>{0.0f});
    CHECK(fill_value("block.norm_scale.weight", {4}).front() >= 15.0f);
}

TEST_CASE("inputs and scenes are bit-exact") {
    const shape_type shape{2, 3, 5, 7};
    CHECK(hash_of(fill_input(shape, input_rule::sym2)) == 0x17e16b6563dea226u);
    CHECK(hash_of(fill_input(shape, input_rule::pixel)) == 0xb51763738ced8314u);
    CHECK(hash_of(fill_input(shape, parse_input_rule("unit"))) == 0xc566be103d67fa32u);
    CHECK_THROWS_AS(parse_input_rule("gauss"), std::invalid_argument);

    const auto image = scene("a", 48, 64);
    CHECK(std::vector<std::uint8_t>(image.begin(), image.begin() + 3) ==
          std::vector<std::uint8_t>{163, 66, 127});
    CHECK(std::accumulate(image.begin(), image.end(), 0) == 911480);
    CHECK(hash_of(image) == 0xfbddbecd4138cfc7u);
    CHECK(hash_of(scene("a", 375, 500)) == 0x3d35b81b36542b1bu);
}

TEST_CASE("a state dict tells the biases of norm layers from those of convolutions") {
    const fill_gain gain{1.0, {{"head.", 2.0}, {"head.cls.", 0.5}}};
    const auto filled = fill_state_dict({{"0.weight", {4, 3, 1, 1}},
                                         {"0.bias", {4}},
                                         {"1.weight", {4}},
                                         {"1.bias", {4}},
                                         {"head.reg.weight", {4, 3}},
                                         {"head.cls.weight", {4, 3}}},
                                        gain);
    REQUIRE(filled.size() == 6);
    CHECK(filled[0].values == fill_value("0.weight", {4, 3, 1, 1}));
    CHECK(filled[1].values == fill_value("0.bias", {4}, false));
    CHECK(filled[3].values == fill_value("1.bias", {4}, true));
    CHECK(filled[3].values != fill_value("1.bias", {4}, false));
    CHECK(filled[4].values == fill_value("head.reg.weight", {4, 3}, false, 2.0));
    CHECK(filled[5].values == fill_value("head.cls.weight", {4, 3}, false, 0.5));
}
