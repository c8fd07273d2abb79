// Thirty steps of SSDLite against torch: the loss at every step. tests/train/make_ssdlite_curve.py wrote the curves.
#include "program/training_case.hpp"

#include <fovea/program/thread_executor.hpp>
#include <fovea/train/optimizer/sgd.hpp>
#include <fovea/train/ssd_trainer.hpp>

#include <nlohmann/json.hpp>

#include <fstream>

using namespace fovea;
using namespace fovea::test;

namespace {

// A curve's settings and pictures, and the run that they describe.
class curve_run {
public:
    explicit curve_run(const char* name) {
        std::ifstream file(std::string(FOVEA_TEST_DATA) + "/train/" + name + ".json");
        REQUIRE(file);
        settings_ = nlohmann::json::parse(file);
        const int size = settings_["size"];
        for (const auto& picture : settings_["pictures"]) {
            std::vector<float> image;
            for (std::uint8_t pixel :
                 scene(picture["scene"].get<std::string>(), static_cast<std::size_t>(size), static_cast<std::size_t>(size)))
                image.push_back((static_cast<float>(pixel) / 255.0F - 0.5F) / 0.5F);
            images_.push_back(std::move(image));
            boxes_.emplace_back();
            for (const auto& b : picture["boxes"])
                boxes_.back().push_back({b[0], b[1], b[2], b[3]});
            labels_.push_back(picture["labels"].get<std::vector<int>>());
        }
    }

    tables::ssdlite_table table() const {
        const int size = settings_["size"];
        const bool small = settings_["model"] == "ssdlite_mobilenet_v3_small";
        const auto t = small ? tables::ssdlite_table{}.with_backbone(tables::mobilenet_v3_small)
                             : tables::ssdlite320_mobilenet_v3_large;
        return t.with_classes(settings_["classes"]).with_input(size, size);
    }

    // Checks every loss of every step.
    void check(executor& ex) {
        const runtime_training_program program(table());
        CHECK(count_parameters(program.graph()) == settings_["param_count"].get<std::int64_t>());
        const int batch = settings_["batch"];
        training_network net(program.view(), {batch, false, false});
        net.run_on(ex);
        net.set_dropout(false);
        fill_gain gain{settings_["fill"]["gain"], {}};
        for (const auto& by_prefix : settings_["fill"]["gain_prefix"])
            gain.by_prefix.emplace_back(by_prefix[0], by_prefix[1]);
        net.parameters().load(training_weights(program.graph(), settings_["fill"]["prefix"], gain));
        const auto frozen = settings_["frozen_norms"].get<std::vector<std::string>>();
        net.parameters().freeze_statistics([&](std::string_view module) {
            return std::any_of(frozen.begin(), frozen.end(),
                               [&](const std::string& prefix) { return module.rfind(prefix, 0) == 0; });
        });
        const auto parameters = static_cast<std::size_t>(count_parameters(program.graph()));
        const float decay = settings_["weight_decay"];
        ssd_trainer trainer(net, table().boxes,
                            std::make_unique<sgd>(whole_range(parameters, decay),
                                                  sgd_settings{settings_["momentum"], 0, false}),
                            {}, ex);
        for (std::size_t step = 0; step < settings_["curve"].size(); ++step)
            check_step(trainer, step, static_cast<std::size_t>(batch));
    }

private:
    void check_step(ssd_trainer& trainer, std::size_t step, std::size_t batch) {
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
        CHECK(report.loss.bbox_regression == Approx(expected["bbox_regression"].get<double>()).epsilon(1e-3));
        CHECK(report.loss.classification == Approx(expected["classification"].get<double>()).epsilon(1e-3));
        CHECK(report.loss.total() == Approx(expected["total"].get<double>()).epsilon(1e-3));
    }

    nlohmann::json settings_;
    std::vector<std::vector<float>> images_;
    std::vector<std::vector<box>> boxes_;
    std::vector<std::vector<int>> labels_;
};

void check_curve(const char* name) {
    thread_executor ex(2);
    curve_run(name).check(ex);
}

} // namespace

TEST_CASE("thirty steps of a small SSDLite have torch's losses") {
    check_curve("curve_ssdlite128_small");
    check_curve("curve_ssdlite128_small_frozen");
}
