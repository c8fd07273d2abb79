// EfficientDet in training against torch's numbers: loss, gradients and running statistics of one step, and the losses of
// ten. tests/train/make_efficientdet_curve.py wrote the curves.
#include "program/training_case.hpp"

#include <fovea/models/efficientdet.hpp>
#include <fovea/program/thread_executor.hpp>
#include <fovea/train/efficientdet_trainer.hpp>
#include <fovea/train/optimizer/sgd.hpp>

#include <nlohmann/json.hpp>

#include <fstream>

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

// A curve's settings and pictures, and the run that they describe.
class efficientdet_curve {
public:
    explicit efficientdet_curve(const char* name) {
        std::ifstream file(std::string(FOVEA_TEST_DATA) + "/train/" + name + ".json");
        REQUIRE(file);
        settings_ = nlohmann::json::parse(file);
        const auto size = settings_["size"].get<std::size_t>();
        for (const auto& picture : settings_["pictures"]) {
            std::vector<float> image;
            for (std::uint8_t pixel : scene(picture["scene"].get<std::string>(), size, size))
                image.push_back((static_cast<float>(pixel) / 255.0F - 0.5F) / 0.5F);
            images_.push_back(std::move(image));
            boxes_.emplace_back();
            for (const auto& b : picture["boxes"])
                boxes_.back().push_back({b[0], b[1], b[2], b[3]});
            labels_.push_back(picture["labels"].get<std::vector<int>>());
        }
    }

    tables::efficientdet_table table() const {
        const auto& m = settings_["model"];
        const int size = settings_["size"];
        const auto t = tables::efficientdet_d0
                           .with_backbone(tables::efficientnet_b0.with_width(m["width"]).with_depth(m["depth"]))
                           .with_channels(m["channels"])
                           .with_cells(m["cells"])
                           .with_head_layers(m["head_layers"])
                           .with_classes(m["classes"])
                           .with_input(size, size);
        return is_effdet() ? t.with_names(tables::efficientdet_names::effdet).with_border(pool_border::excluded) : t;
    }

    // Checks every loss of every step.
    void check(executor& ex) {
        const runtime_training_program program(table());
        CHECK(count_parameters(program.graph()) == settings_["param_count"].get<std::int64_t>());
        const int batch = settings_["batch"];
        training_network net(program.view(), {batch, false, false}, ex);
        net.set_dropout(false);
        fill_gain gain{settings_["fill"]["gain"], {}};
        for (const auto& by_prefix : settings_["fill"]["gain_prefix"])
            gain.by_prefix.emplace_back(by_prefix[0], by_prefix[1]);
        net.parameters().load(training_weights(program.graph(), settings_["fill"]["prefix"], gain));
        const auto frozen = settings_["frozen_norms"].get<std::vector<std::string>>();
        net.parameters().freeze_statistics([&](std::string_view module) {
            return std::any_of(frozen.begin(), frozen.end(), [&](const std::string& part) {
                return module.find(part) != std::string_view::npos;
            });
        });
        efficientdet_trainer_settings s;
        s.max_norm = settings_["max_norm"];
        s.loss = is_effdet() ? efficientdet_loss_settings::effdet() : efficientdet_loss_settings::zylo117();
        const auto parameters = static_cast<std::size_t>(count_parameters(program.graph()));
        const float decay = settings_["weight_decay"];
        efficientdet_trainer trainer(net, table().anchors,
                                     std::make_unique<sgd>(whole_range(parameters, decay),
                                                           sgd_settings{settings_["momentum"], 0, false}),
                                     s, ex);
        for (std::size_t step = 0; step < settings_["curve"].size(); ++step)
            check_step(trainer, step, static_cast<std::size_t>(batch));
    }

private:
    bool is_effdet() const { return settings_["loss"] == "effdet"; }

    void check_step(efficientdet_trainer& trainer, std::size_t step, std::size_t batch) {
        std::vector<float> images;
        std::vector<ground_truth> truths;
        for (std::size_t k = 0; k < batch; ++k) {
            const std::size_t i = (step * batch + k) % images_.size();
            images.insert(images.end(), images_[i].begin(), images_[i].end());
            truths.push_back({boxes_[i], labels_[i]});
        }
        const auto report = trainer.step(images.data(), truths, settings_["lr"]);
        const auto& expected = settings_["curve"][step];
        INFO("step " << step);
        REQUIRE(report.updated);
        CHECK(report.loss.bbox_regression == Approx(expected["bbox_regression"].get<double>()).epsilon(1e-4));
        CHECK(report.loss.classification == Approx(expected["classification"].get<double>()).epsilon(1e-4));
    }

    nlohmann::json settings_;
    std::vector<std::vector<float>> images_;
    std::vector<std::vector<box>> boxes_;
    std::vector<std::vector<int>> labels_;
};

} // namespace

TEST_CASE("ten steps of a small EfficientDet have torch's losses") {
    thread_executor ex(2);
    efficientdet_curve("curve_efficientdet128_zylo117").check(ex);
    efficientdet_curve("curve_efficientdet128_effdet").check(ex);
}
