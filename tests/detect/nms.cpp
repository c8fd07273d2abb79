#include "data.hpp"

#include <fovea/detect/nms.hpp>
#include <fovea/detect/soft_nms.hpp>

#include <catch2/catch.hpp>

#include <limits>

using fovea::box;
using fovea::nms_workspace;
using fovea::span;
using namespace fovea::test;

namespace {

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

using indices = std::vector<std::size_t>;

indices to_vector(span<const std::size_t> from) {
    return {from.begin(), from.end()};
}

struct scored_boxes {
    std::vector<box> boxes;
    std::vector<float> scores;
    std::vector<int> labels;
    mutable nms_workspace workspace{boxes.size()};

    indices nms(double threshold, std::size_t most = fovea::keep_all) const {
        return to_vector(fovea::nms(boxes, scores, threshold, workspace, most));
    }
    indices batched(double threshold, std::size_t most = fovea::keep_all) const {
        return to_vector(fovea::batched_nms(boxes, scores, labels, threshold, workspace, most));
    }
    indices class_by_class(double threshold) const {
        return to_vector(
            fovea::nms_pass(boxes, scores, threshold, workspace).class_by_class(labels, fovea::keep_all));
    }
    indices shifted(double threshold) const {
        return to_vector(
            fovea::nms_pass(boxes, scores, threshold, workspace).shifted_by_class(labels, fovea::keep_all));
    }
};

indices numbers_of(const std::vector<fovea::rescored_box>& from) {
    indices result;
    for (const auto& b : from)
        result.push_back(b.index);
    return result;
}

std::vector<double> scores_of(const std::vector<fovea::rescored_box>& from) {
    std::vector<double> result;
    for (const auto& b : from)
        result.push_back(static_cast<double>(b.score));
    return result;
}

fovea::soft_nms_settings linear() {
    fovea::soft_nms_settings settings;
    settings.decay = fovea::soft_nms_decay::linear;
    return settings;
}

} // namespace

TEST_CASE("NMS keeps torchvision's boxes in its order where scores tie and IoU equals the threshold") {
    const std::string name = GENERATE("few", "many");
    const auto data = [&](const char* suffix) { return detect_data("nms_" + name + suffix); };
    const scored_boxes in{boxes(data("_boxes")), numbers<float>(data("_scores")),
                          numbers<int>(data("_labels"))};
    CHECK(in.nms(0.5) == numbers<std::size_t>(data("_050")));
    CHECK(in.batched(0.5) == numbers<std::size_t>(data("_batched_050")));
    CHECK(in.class_by_class(0.5) == numbers<std::size_t>(data("_per_class_050")));
    CHECK(in.shifted(0.5) == numbers<std::size_t>(data("_shifted_050")));
}

TEST_CASE("NMS agrees with the shared golden") {
    const auto golden = shared_golden("components", "nms");
    if (!golden)
        return;
    const scored_boxes in{boxes(golden->input("boxes")), numbers<float>(golden->input("scores")),
                          numbers<int>(golden->input("labels"))};
    const auto full = [&](const char* name) { return numbers<std::size_t>(*golden->output(name).full); };
    CHECK(in.nms(0.3) == full("nms_030"));
    CHECK(in.nms(0.5) == full("nms_050"));
    CHECK(in.nms(0.55) == full("nms_055"));
    CHECK(in.nms(0.7) == full("nms_070"));
    CHECK(in.batched(0.5) == full("batched_050"));
    CHECK(in.class_by_class(0.5) == full("batched_nms_vanilla_050"));
}

TEST_CASE("Soft-NMS agrees with the definition in torch and with the shared golden") {
    const std::vector<box> b = boxes(detect_data("soft_boxes"));
    const std::vector<float> s = numbers<float>(detect_data("soft_scores"));
    const auto check = [](const std::vector<fovea::rescored_box>& got, const array& index,
                          const array& score) {
        CHECK(numbers_of(got) == numbers<std::size_t>(index));
        const std::vector<double> scores = scores_of(got);
        REQUIRE(scores.size() == score.values.size());
        for (std::size_t i = 0; i < scores.size(); ++i)
            CHECK(scores[i] == Approx(score.values[i]).epsilon(2e-6));
    };
    check(soft_nms(b, s), detect_data("soft_gaussian_index"), detect_data("soft_gaussian_score"));
    check(soft_nms(b, s, linear()), detect_data("soft_linear_index"), detect_data("soft_linear_score"));
    const auto golden = shared_golden("components", "nms");
    if (!golden)
        return;
    const std::vector<box> gb = boxes(golden->input("boxes"));
    const std::vector<float> gs = numbers<float>(golden->input("scores"));
    const std::vector<int> labels = numbers<int>(golden->input("labels"));
    const auto full = [&](const char* name) { return *golden->output(name).full; };
    check(soft_nms(gb, gs), full("soft_gaussian_index"), full("soft_gaussian_score"));
    check(soft_nms(gb, gs, linear()), full("soft_linear_index"), full("soft_linear_score"));
    check(batched_soft_nms(gb, gs, labels), full("batched_soft_gaussian_index"),
          full("batched_soft_gaussian_score"));
}

TEST_CASE("Stopping early gives the first of all that would stay") {
    const scored_boxes in{boxes(detect_data("nms_many_boxes")),
                          numbers<float>(detect_data("nms_many_scores")),
                          numbers<int>(detect_data("nms_many_labels"))};
    for (std::size_t most : {0U, 1U, 7U}) {
        indices all = in.nms(0.5), batched = in.batched(0.5);
        all.resize(most);
        batched.resize(most);
        CHECK(in.nms(0.5, most) == all);
        CHECK(in.batched(0.5, most) == batched);
    }
}

TEST_CASE("NMS of nothing, of empty boxes and of NaN") {
    CHECK(scored_boxes{}.nms(0.5).empty());
    CHECK(scored_boxes{}.batched(0.5).empty());
    CHECK(fovea::soft_nms({}, {}).empty());
    const scored_boxes empty{{{1, 1, 1, 1}, {1, 1, 1, 1}}, {0.5F, 0.5F}, {0, 0}};
    CHECK(empty.nms(0.5) == indices{0, 1}); // IoU 0 / 0 suppresses nothing
    const scored_boxes strange{
        {{0, 0, 2, 2}, {not_a_number, 0, 2, 2}, {0, 0, 2, 2}}, {0.5F, not_a_number, not_a_number}, {1, 1, 1}};
    CHECK(strange.nms(0.5) == indices{1, 2}); // NaN is the best score, as in torch's sort
    CHECK(strange.batched(0.5) == indices{1, 2});
    CHECK(numbers_of(fovea::soft_nms(strange.boxes, strange.scores)) == indices{0});
}

TEST_CASE("NMS refuses arguments that do not fit each other") {
    const std::vector<box> two(2);
    const std::vector<float> scores(2);
    const std::vector<int> one_label(1);
    nms_workspace enough(2), small(1);
    const span<const float> one_score(scores.data(), 1);
    CHECK_THROWS_AS(fovea::nms(two, one_score, 0.5, enough), fovea::input_error);
    CHECK_THROWS_AS(fovea::nms(two, scores, 0.5, small), fovea::input_error);
    CHECK_THROWS_AS(fovea::nms(two, scores, static_cast<double>(not_a_number), enough), fovea::input_error);
    CHECK_THROWS_AS(fovea::batched_nms(two, scores, one_label, 0.5, enough), fovea::input_error);
    CHECK_THROWS_AS(fovea::soft_nms(two, one_score), fovea::input_error);
    CHECK_THROWS_AS(fovea::batched_soft_nms(two, scores, one_label), fovea::input_error);
    fovea::soft_nms_settings no_width;
    no_width.sigma = 0;
    CHECK_THROWS_AS(fovea::soft_nms(two, scores, no_width), fovea::input_error);
}
