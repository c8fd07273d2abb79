// EfficientDet in training against torch's numbers: loss, gradients and running statistics of one step, and the losses of
// ten. tests/train/make_efficientdet_curve.py wrote the curves.
#include "curve_case.hpp"

#include <fovea/models/efficientdet.hpp>
#include <fovea/train/efficientdet_trainer.hpp>

using namespace fovea;
using namespace fovea::test;

namespace {

// Boxes and labels of a batch out of zylo117's annotations [images, objects, 5]: corners and a class from 0, -1 where
// there is no object.
struct annotated_batch {
    std::vector<std::vector<box>> boxes;
    std::vector<std::vector<int>> labels;

    explicit annotated_batch(const array& annotations) {
        boxes.resize(annotations.shape.at(0));
        labels.resize(boxes.size());
        for (std::size_t i = 0; i < boxes.size(); ++i)
            for (std::size_t k = 0; k < annotations.shape.at(1); ++k) {
                const double* at = annotations.values.data() + (i * annotations.shape[1] + k) * 5;
                if (at[4] < 0)
                    continue;
                const auto corner = [&](int c) { return static_cast<float>(at[c]); };
                boxes[i].push_back({corner(0), corner(1), corner(2), corner(3)});
                labels[i].push_back(static_cast<int>(at[4]) + 1);
            }
    }
    std::vector<ground_truth> truths() const {
        std::vector<ground_truth> all;
        for (std::size_t i = 0; i < boxes.size(); ++i)
            all.push_back({boxes[i], labels[i]});
        return all;
    }
};

} // namespace

TEST_CASE("EfficientDet-D0's loss, gradients and running statistics are zylo117's") {
    const auto golden = shared_golden("components", "train_efficientdet_d0");
    if (!golden)
        return;
    const auto table = tables::efficientdet_d0.with_classes(5).with_input(256, 256);
    const runtime_training_program program(table);
    thread_executor ex(2);
    training_network net(program.view(), {4, false, false}, ex);
    net.set_dropout(false);
    net.parameters().load(training_weights(program.graph(), golden->prefix));
    std::vector<float> images;
    for (int i = 0; i < 4; ++i)
        for (std::uint8_t pixel : scene(golden->prefix + "train" + std::to_string(i), 256, 256))
            images.push_back((static_cast<float>(pixel) / 255.0F - 0.5F) * 4);
    const annotated_batch batch(golden->input("annotations"));
    efficientdet_loss loss(efficientdet_anchors(table.anchors, {256, 256}), 5);
    net.forward(images.data());
    const auto values =
        loss(net.output(0), net.output(1), batch.truths(), net.output_gradient(0), net.output_gradient(1), ex);
    net.backward();
    CHECK(compare(golden->output("classification"), array{{1}, std::vector<double>{values.classification}}));
    CHECK(compare(golden->output("regression"), array{{1}, std::vector<double>{values.bbox_regression}}));
    CHECK(compare(golden->output("loss"), array{{1}, std::vector<double>{values.total()}}));
    CHECK(check_gradients(*golden, net) >= 400);
}

namespace {

bool is_effdet(const nlohmann::json& settings) {
    return settings["loss"] == "effdet";
}

tables::efficientdet_table efficientdet_of(const nlohmann::json& settings) {
    const auto& m = settings["model"];
    const int size = settings["size"];
    const auto t = tables::efficientdet_d0
                       .with_backbone(tables::efficientnet_b0.with_width(m["width"]).with_depth(m["depth"]))
                       .with_channels(m["channels"])
                       .with_cells(m["cells"])
                       .with_head_layers(m["head_layers"])
                       .with_classes(m["classes"])
                       .with_input(size, size);
    return is_effdet(settings) ? t.with_names(tables::efficientdet_names::effdet).with_border(pool_border::excluded) : t;
}

void check_efficientdet_curve(const char* name) {
    const curve_case curve(name);
    const tables::efficientdet_table table = efficientdet_of(curve.settings());
    thread_executor ex(2);
    const runtime_training_program program(table);
    training_network net(program.view(), {curve.batch(), false, false}, ex);
    curve.prepare(net, [](std::string_view module, const std::string& part) {
        return module.find(part) != std::string_view::npos;
    });
    efficientdet_trainer_settings s;
    s.max_norm = curve.settings()["max_norm"];
    s.loss = is_effdet(curve.settings()) ? efficientdet_loss_settings::effdet() : efficientdet_loss_settings::zylo117();
    efficientdet_trainer trainer(net, table.anchors, curve.updates(program.graph()), s, ex);
    curve.run(trainer, [](const efficientdet_loss_values& loss, const nlohmann::json& expected) {
        CHECK(loss.bbox_regression == Approx(expected["bbox_regression"].get<double>()).epsilon(1e-4));
        CHECK(loss.classification == Approx(expected["classification"].get<double>()).epsilon(1e-4));
    });
}

} // namespace

TEST_CASE("ten steps of a small EfficientDet have torch's losses") {
    check_efficientdet_curve("curve_efficientdet128_zylo117");
    check_efficientdet_curve("curve_efficientdet128_effdet");
}
