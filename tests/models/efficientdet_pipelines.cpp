// From a photo to EfficientDet's boxes, end to end; weights in the names of either port.
#include "support.hpp"

using namespace fovea;
using namespace fovea::test;

namespace {

using d0_model = efficientdet_d0<>;

} // namespace

TEST_CASE("EfficientDet-D0 finds zylo117's boxes in photos", "[long]") {
    for (const char* name :
         {"pipe_efficientdet_d0_scene", "pipe_efficientdet_d0_photo", "pipe_efficientdet_d0_photo2"}) {
        const auto golden = shared_golden("pipelines", name);
        const auto photo = golden ? photo_of(*golden) : std::nullopt;
        if (!photo)
            continue;
        INFO(name);
        auto model = load<d0_model>(weights_of(*golden, d0_model::graph));
        auto settings = model.settings().decoder;
        settings.score_thresh = static_cast<float>(golden->settings.at("threshold"));
        settings.nms_thresh = golden->settings.at("iou");
        model.set_decoder(settings);
        const detection_arrays found(model.detect(*photo), 1);
        CHECK(compare(golden->detection("det"), found.boxes, found.scores, found.labels));
    }
}

TEST_CASE("tables of effdet find the boxes of its DetBenchPredict") {
    const auto golden = own_golden("models", "efficientdet_effdet_scene");
    const auto table = tables::tf_efficientdet_d0.with_channels(24)
                           .with_cells(1)
                           .with_head_layers(1)
                           .with_classes(5)
                           .with_input(128, 128);
    const runtime_program program(table);
    auto model = make_detector(program.view(), table, weights_of(golden, program.graph()), {});
    const span<const detection> found = model.detect(*photo_of(golden));
    const detection_arrays arrays(found);
    CHECK(compare(golden.detection("det"), arrays.boxes, arrays.scores, arrays.labels));
    CHECK(model.name(found[0]) == "class " + std::to_string(found[0].label));
}

namespace {

constexpr tables::efficientdet_table small_detector(const tables::efficientdet_table& t) {
    return t.with_backbone(t.backbone.with_width(0.35).with_depth(0.5))
        .with_channels(24)
        .with_cells(2)
        .with_head_layers(1)
        .with_classes(3)
        .with_input(128, 128)
        .with_border(pool_border::zero);
}

std::vector<float> small_outputs(const tables::efficientdet_table& table, const state_dict& weights) {
    const runtime_program program(table);
    auto model = make_detector(program.view(), table, weights, {});
    const std::vector<float> image(model.network().input_shape().size(), 0.3F);
    model.network().forward(image.data());
    std::vector<float> all;
    for (std::size_t i = 0; i < 2; ++i)
        all.insert(all.end(), model.network().output(i).begin(), model.network().output(i).end());
    return all;
}

// Weights drawn for a table's own names.
state_dict small_weights(const tables::efficientdet_table& table) {
    const auto golden = own_golden("models", "efficientdet_tiny");
    const runtime_graph graph(table);
    return weights_of(golden, graph.view());
}

std::string refusal(const tables::efficientdet_table& table, const state_dict& weights) {
    try {
        small_outputs(table, weights);
    } catch (const weights_error& e) {
        return e.what();
    }
    return {};
}

} // namespace

TEST_CASE("an EfficientDet table takes the weights of either port") {
    for (weighting fusion : {weighting::fast, weighting::none}) { // D6 to D7x have weights that nothing reads
        const auto zylo117 = small_detector(tables::efficientdet_d0).with_cell(tables::bifpn_cell, fusion);
        const auto effdet = small_detector(tables::tf_efficientdet_d0).with_cell(tables::bifpn_cell, fusion);
        for (const auto& [own, other] : {std::pair(zylo117, effdet), std::pair(effdet, zylo117)}) {
            const state_dict weights = small_weights(own);
            const std::vector<float> expected = small_outputs(own, weights);
            CHECK(small_outputs(other, weights) == expected);
            CHECK(efficientdet_names_of(weights) == own.names);
            CHECK(efficientdet_names_of(with_names_of(other, weights)) == other.names);
            CHECK(with_names_of(own, with_names_of(other, weights)).size() == weights.size());
        }
    }
}

TEST_CASE("what is wrong with the other port's weights is said in the table's names") {
    const auto zylo117 = small_detector(tables::efficientdet_d0),
               effdet = small_detector(tables::tf_efficientdet_d0);
    state_dict cut;
    for (const tensor& t : small_weights(effdet))
        if (t.name != "fpn.cell.0.fnode.0.combine.edge_weights")
            cut.insert(t);
    cut.insert({"fpn.cell.9.odd", dtype::float32, {1}, {0.0F}});
    const std::string text = refusal(zylo117, cut);
    INFO(text);
    CHECK(text.find("1 missing, 1 unexpected, 0 mis-shaped") != std::string::npos);
    CHECK(text.find("missing: bifpn.0.p6_w1") != std::string::npos);
    CHECK(text.find("unexpected: fpn.cell.9.odd") != std::string::npos);
    CHECK(refusal(zylo117.with_classes(4), small_weights(effdet)).find("classifier.header") !=
          std::string::npos);
    CHECK(!efficientdet_names_of(state_dict()));
    // P3 has 16 channels, too
    CHECK(refusal(zylo117.with_channels(16), small_weights(effdet.with_channels(16))).find("16 channels") !=
          std::string::npos);
}

TEST_CASE("an EfficientDet's labels begin behind the background") {
    const auto labels_of = [](int classes, const std::vector<std::string>& names) {
        const auto table = small_detector(tables::efficientdet_d0).with_classes(classes);
        const runtime_program program(table);
        load_options options;
        options.labels = names;
        return make_detector(program.view(), table, small_weights(table), options).labels();
    };
    const auto coco = labels_of(90, {}), voc = labels_of(20, {}), own = labels_of(3, {"egg", "ham", "tea"});
    REQUIRE(coco.size() == 91);
    CHECK(coco[1] == "person");
    CHECK(coco[90] == "toothbrush");
    CHECK(voc.at(20) == "tvmonitor");
    CHECK(own == std::vector<std::string>{"__background__", "egg", "ham", "tea"});
}

TEST_CASE("an EfficientDet keeps its settings when new ones are refused") {
    const auto table = small_detector(tables::tf_efficientdet_d0);
    const runtime_program program(table);
    auto model = make_detector(program.view(), table, small_weights(table), {});
    const std::vector<std::uint8_t> pixels = scene("boxes", 60, 80);
    const auto count = [&] { return model.detect({pixels.data(), 80, 60}).size(); };
    const std::size_t before = count();
    CHECK(before == 100);
    CHECK_THROWS_AS(model.set_score_threshold(1.5F), input_error);
    CHECK(model.settings().decoder.score_thresh == 0);
    CHECK(count() == before);
    auto settings = efficientdet_decoder_settings::zylo117(0);
    model.set_decoder(settings);
    CHECK(count() > 0);
    model.network().plan(1, 256, 256);
    CHECK_THROWS_AS(count(), input_error);
}
