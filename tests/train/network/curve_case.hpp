// A committed curve of torch's losses: its settings and pictures, and the run that they describe.
#pragma once

#include "program/training_case.hpp"

#include <fovea/program/thread_executor.hpp>
#include <fovea/train/optimizer/sgd.hpp>
#include <fovea/train/target/ground_truth.hpp>

#include <nlohmann/json.hpp>

#include <fstream>

namespace fovea::test {

class curve_case {
public:
    explicit curve_case(const char* name) {
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

    const nlohmann::json& settings() const noexcept { return settings_; }
    int batch() const { return settings_["batch"]; }

    // The run's first parameters. Frozen are the batch-norms of which is_frozen(module, a frozen name) is true.
    template <class IsFrozen>
    void prepare(training_network& net, const IsFrozen& is_frozen) const {
        CHECK(count_parameters(net.graph()) == settings_["param_count"].get<std::int64_t>());
        net.set_dropout(false);
        fill_gain gain{settings_["fill"]["gain"], {}};
        for (const auto& by_prefix : settings_["fill"]["gain_prefix"])
            gain.by_prefix.emplace_back(by_prefix[0], by_prefix[1]);
        net.parameters().load(training_weights(net.graph(), settings_["fill"]["prefix"], gain));
        const auto frozen = settings_["frozen_norms"].get<std::vector<std::string>>();
        net.parameters().freeze_statistics([&](std::string_view module) {
            return std::any_of(frozen.begin(), frozen.end(),
                               [&](const std::string& name) { return is_frozen(module, name); });
        });
    }
    std::unique_ptr<optimizer> updates(graph_view g) const {
        const float decay = settings_["weight_decay"];
        return std::make_unique<sgd>(whole_range(static_cast<std::size_t>(count_parameters(g)), decay),
                                     sgd_settings{settings_["momentum"], 0, false});
    }
    // Every step: check(its losses, torch's).
    template <class Trainer, class Check>
    void run(Trainer& trainer, const Check& check) const {
        for (std::size_t step = 0; step < settings_["curve"].size(); ++step) {
            std::vector<float> images;
            std::vector<ground_truth> truths;
            for (int k = 0; k < batch(); ++k) {
                const std::size_t i = (step * static_cast<std::size_t>(batch()) + static_cast<std::size_t>(k)) % images_.size();
                images.insert(images.end(), images_[i].begin(), images_[i].end());
                truths.push_back({boxes_[i], labels_[i]});
            }
            const auto report = trainer.step(images.data(), truths, settings_["lr"]);
            INFO("step " << step);
            REQUIRE(report.updated);
            check(report.loss, settings_["curve"][step]);
        }
    }

private:
    nlohmann::json settings_;
    std::vector<std::vector<float>> images_;
    std::vector<std::vector<box>> boxes_;
    std::vector<std::vector<int>> labels_;
};

} // namespace fovea::test
