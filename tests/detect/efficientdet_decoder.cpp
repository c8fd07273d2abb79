#include "data.hpp"

#include <fovea/detect/efficientdet_decoder.hpp>

#include <catch2/catch.hpp>

#include <limits>
#include <random>

using fovea::box;
using fovea::box_clipping;
using fovea::detection;
using fovea::efficientdet_anchors;
using fovea::efficientdet_decoder;
using fovea::efficientdet_decoder_settings;
using fovea::efficientdet_nms;
using fovea::input_error;
using fovea::score_rule;
using fovea::span;
using namespace fovea::test;

namespace {

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

// Levels 3 to 5, for images whose sides are multiples of 32.
efficientdet_anchors small_anchors(fovea::spatial_size image) {
    fovea::efficientdet_anchor_table table;
    table.max_level = 5;
    return {table, image};
}

// Box for box in the same order, but for the rounding of exp.
void check_equal(span<const detection> got, const array& want_boxes, const array& want_scores,
                 const array& want_labels, int label_offset = 0) {
    const std::vector<box> b = boxes(want_boxes);
    REQUIRE(got.size() == b.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
        CAPTURE(i);
        CHECK(got[i].label == static_cast<int>(want_labels.values[i]) + label_offset);
        CHECK(static_cast<double>(got[i].score) == Approx(want_scores.values[i]).epsilon(5e-6));
        CHECK(std::abs(got[i].box.x1 - b[i].x1) < 1e-3F);
        CHECK(std::abs(got[i].box.y1 - b[i].y1) < 1e-3F);
        CHECK(std::abs(got[i].box.x2 - b[i].x2) < 1e-3F);
        CHECK(std::abs(got[i].box.y2 - b[i].y2) < 1e-3F);
    }
}

struct candidate {
    float score;
    std::size_t label; // from 0
    fovea::box b;
};

box clipped(const box& b, box_clipping how, fovea::image_extent image) {
    return how == box_clipping::none        ? b
           : how == box_clipping::all_sides ? clip_all_sides(b, image)
                                            : clip_near_sides(b, image);
}

// All candidates of the thresholds, every score computed and all of them sorted.
std::vector<candidate> sorted_candidates(const efficientdet_anchors& anchors,
                                         const std::vector<float>& logits, const std::vector<float>& deltas,
                                         std::size_t classes, fovea::image_extent image,
                                         const efficientdet_decoder_settings& s) {
    std::vector<std::size_t> places;
    for (std::size_t a = 0; a < anchors.size(); ++a) {
        const auto row = logits.begin() + static_cast<std::ptrdiff_t>(a * classes);
        const auto best =
            static_cast<std::size_t>(std::max_element(row, row + static_cast<std::ptrdiff_t>(classes)) - row);
        for (std::size_t c = 0; c < classes; ++c)
            if (s.rule == score_rule::every_class || c == best)
                places.push_back(a * classes + c);
    }
    std::stable_sort(places.begin(), places.end(),
                     [&](std::size_t a, std::size_t b) { return logits[a] > logits[b]; });
    places.resize(std::min(places.size(), s.topk_candidates));
    std::vector<candidate> all;
    for (std::size_t place : places) {
        const std::size_t a = place / classes;
        const float score = 1.0F / (1.0F + std::exp(-logits[place]));
        const box b = fovea::efficientdet_box_coder{}.decode(
            {deltas[4 * a], deltas[4 * a + 1], deltas[4 * a + 2], deltas[4 * a + 3]}, anchors[a]);
        if (score > s.score_thresh)
            all.push_back({score, place % classes, clipped(b, s.clipping, image)});
    }
    return all;
}

// The definition, with the functions that allocate.
std::vector<detection> decode_reference(const efficientdet_anchors& anchors, const std::vector<float>& logits,
                                        const std::vector<float>& deltas, std::size_t classes,
                                        fovea::image_extent image, const efficientdet_decoder_settings& s) {
    std::vector<box> boxes;
    std::vector<float> scores;
    std::vector<int> labels;
    for (const candidate& c : sorted_candidates(anchors, logits, deltas, classes, image, s)) {
        boxes.push_back(c.b);
        scores.push_back(c.score);
        labels.push_back(static_cast<int>(c.label));
    }
    std::vector<fovea::rescored_box> kept;
    if (s.nms == efficientdet_nms::hard) {
        fovea::nms_workspace workspace(boxes.size());
        for (std::size_t i : fovea::batched_nms(boxes, scores, labels, s.nms_thresh, workspace))
            kept.push_back({i, scores[i]});
    } else if (s.nms == efficientdet_nms::soft_moved) {
        kept = fovea::batched_soft_nms(boxes, scores, labels, s.soft_nms);
    } else {
        for (int label = 0; label < static_cast<int>(classes); ++label) {
            std::vector<float> of_label = scores; // NaN scores are never picked
            for (std::size_t i = 0; i < labels.size(); ++i)
                if (labels[i] != label)
                    of_label[i] = not_a_number;
            for (const fovea::rescored_box& r : fovea::soft_nms(boxes, of_label, s.soft_nms))
                kept.push_back(r);
        }
        std::stable_sort(kept.begin(), kept.end(),
                         [](const auto& a, const auto& b) { return a.score > b.score; });
    }
    kept.resize(std::min(kept.size(), s.detections_per_img));
    std::vector<detection> result;
    for (const fovea::rescored_box& r : kept)
        result.push_back({labels[r.index] + 1, r.score, boxes[r.index]});
    return result;
}

struct random_outputs {
    std::vector<float> logits, deltas;

    // ties: logits on a grid of 1/4, of which many are equal.
    random_outputs(std::size_t anchors, std::size_t classes, unsigned seed, bool ties) {
        std::mt19937 random(seed);
        std::normal_distribution<float> normal;
        for (std::size_t i = 0; i < anchors * classes; ++i) {
            const float logit = 2 * normal(random) - 3;
            logits.push_back(ties ? std::round(logit * 4) / 4 : logit);
        }
        for (std::size_t i = 0; i < anchors * 4; ++i)
            deltas.push_back(0.4F * normal(random));
    }
};

std::vector<efficientdet_decoder_settings> all_settings() {
    auto few = efficientdet_decoder_settings::effdet();
    few.topk_candidates = 40;
    few.detections_per_img = 7;
    auto linear = efficientdet_decoder_settings::effdet(true);
    linear.soft_nms.decay = fovea::soft_nms_decay::linear;
    linear.score_thresh = 0.1F;
    auto unclipped = efficientdet_decoder_settings::effdet();
    unclipped.clipping = box_clipping::none;
    unclipped.score_thresh = 0.3F;
    auto wide = efficientdet_decoder_settings::zylo117(0, 0.5);
    auto best_of_few = efficientdet_decoder_settings::zylo117(0.4F, 0.3);
    best_of_few.topk_candidates = 13;
    return {efficientdet_decoder_settings::zylo117(),
            efficientdet_decoder_settings::zylo117(0.05F, 0.5),
            efficientdet_decoder_settings::effdet(),
            efficientdet_decoder_settings::effdet(true),
            efficientdet_decoder_settings::official(),
            few,
            linear,
            unclipped,
            wide,
            best_of_few};
}

} // namespace

TEST_CASE("EfficientDet's detections equal the three references' box for box") {
    const std::vector<float> logits = numbers<float>(detect_data("efficientdet_logits")),
                             deltas = numbers<float>(detect_data("efficientdet_deltas"));
    const auto check = [&](const std::string& name, efficientdet_decoder_settings s,
                           fovea::image_extent image) {
        CAPTURE(name);
        if (s.rule == score_rule::every_class)
            s.topk_candidates = 400;
        efficientdet_decoder decoder(small_anchors({32, 64}), 5, s);
        const auto data = [&](const char* key) { return detect_data("efficientdet_" + name + key); };
        check_equal(decoder.decode(logits, deltas, image), data("_boxes"), data("_scores"), data("_labels"));
    };
    check("zylo117_demo", efficientdet_decoder_settings::zylo117(), {32, 64});
    check("zylo117_eval", efficientdet_decoder_settings::zylo117(0.05F, 0.5), {32, 64});
    check("effdet_clipped", efficientdet_decoder_settings::effdet(), {29.5F, 60.25F});
    check("effdet_soft", efficientdet_decoder_settings::effdet(true), {29.5F, 60.25F});
    check("official", efficientdet_decoder_settings::official(), {32, 64});
    auto unclipped = efficientdet_decoder_settings::effdet();
    unclipped.clipping = box_clipping::none;
    check("effdet", unclipped, {32, 64});
}

TEST_CASE("EfficientDet's detections equal the shared golden box for box") {
    const auto golden = shared_golden("components", "postprocess_efficientdet");
    if (!golden)
        return;
    // The golden has scores; the logits that give them, but for rounding.
    std::vector<float> logits;
    for (double p : golden->input("classification").values)
        logits.push_back(static_cast<float>(std::log(p) - std::log1p(-p)));
    const std::vector<float> deltas = numbers<float>(golden->input("regression"));
    const efficientdet_anchors anchors({}, {128, 128});
    const auto check = [&](const efficientdet_decoder_settings& s, const std::string& prefix,
                           int label_offset) {
        efficientdet_decoder decoder(anchors, 6, s);
        const auto full = [&](const char* key) { return *golden->output(prefix + key).full; };
        check_equal(decoder.decode(logits, deltas, {128, 128}), full("boxes"), full("scores"), full("labels"),
                    label_offset);
    };
    check(efficientdet_decoder_settings::zylo117(0.8F, 0.2), "", 1);
    auto unclipped = efficientdet_decoder_settings::effdet();
    unclipped.clipping = box_clipping::none;
    check(unclipped, "topk_", 0);
}

TEST_CASE("The decoder of EfficientDet equals its step-by-step definition") {
    const std::size_t classes = GENERATE(1U, 2U, 7U, 16U, 90U);
    const bool ties = GENERATE(false, true);
    for (fovea::spatial_size image : {fovea::spatial_size{32, 32}, fovea::spatial_size{64, 96}}) {
        const efficientdet_anchors anchors = small_anchors(image);
        const random_outputs out(anchors.size(), classes, static_cast<unsigned>(classes), ties);
        std::size_t number = 0;
        for (const efficientdet_decoder_settings& s : all_settings()) {
            CAPTURE(classes, ties, image.width, number++);
            if (ties && s.nms != efficientdet_nms::hard)
                continue; // decayed scores tie but for rounding
            efficientdet_decoder decoder(anchors, classes, s);
            const auto want = decode_reference(anchors, out.logits, out.deltas, classes, image, s);
            const auto got = decoder.decode(out.logits, out.deltas, image);
            REQUIRE(got.size() == want.size());
            CHECK(!want.empty());
            std::size_t different = 0;
            for (std::size_t i = 0; i < want.size(); ++i)
                different += got[i].label != want[i].label || got[i].box != want[i].box ||
                             std::abs(got[i].score - want[i].score) > 1e-5F * want[i].score;
            CHECK(different == 0);
        }
    }
}

TEST_CASE("More candidates than fit: the best ones stay, the first of equal ones") {
    const std::size_t topk = GENERATE(1U, 2U, 5U, 64U);
    for (int order : {1, -1, 0}) { // ascending, descending, all equal
        std::vector<float> logits(1000);
        for (std::size_t i = 0; i < logits.size(); ++i)
            logits[i] = static_cast<float>(order * static_cast<int>(i / 3));
        fovea::top_logits top(100, 10, score_rule::every_class, topk);
        const auto best = top.read(logits.data(), -std::numeric_limits<float>::infinity());
        REQUIRE(best.size() == topk);
        std::vector<std::size_t> want(logits.size());
        for (std::size_t i = 0; i < want.size(); ++i)
            want[i] = i;
        std::stable_sort(want.begin(), want.end(), [&](auto a, auto b) { return logits[a] > logits[b]; });
        for (std::size_t i = 0; i < topk; ++i) {
            CHECK(fovea::logit_code::place(best[i]) == want[i]);
            CHECK(fovea::logit_code::logit(best[i]) == logits[want[i]]);
        }
    }
}

TEST_CASE("NaN logits and NaN boxes detect nothing") {
    const efficientdet_anchors anchors = small_anchors({32, 32});
    std::vector<float> logits(anchors.size() * 3, -9), deltas(anchors.size() * 4);
    for (float& logit : {std::ref(logits[0]), std::ref(logits[50]), std::ref(logits[100])})
        logit = not_a_number;
    logits[51] = 1; // beside a NaN
    logits[7 * 3] = 2;
    deltas[7 * 4 + 2] = not_a_number;
    for (const efficientdet_decoder_settings& s :
         {efficientdet_decoder_settings::zylo117(), efficientdet_decoder_settings::effdet(true)}) {
        efficientdet_decoder decoder(anchors, 3, s);
        const auto found = decoder.decode(logits, deltas, {32, 32});
        REQUIRE(!found.empty());
        CHECK(found[0].label == 1);
        CHECK(found[0].score == Approx(1 / (1 + std::exp(-1.0))));
    }
}

TEST_CASE("Scores must be above the threshold, also right at it") {
    const efficientdet_anchors anchors = small_anchors({32, 32});
    std::vector<float> logits(anchors.size(), -50), deltas(anchors.size() * 4);
    logits[3] = 0;
    efficientdet_decoder at(anchors, 1, efficientdet_decoder_settings::zylo117(0.5F)),
        below(anchors, 1, efficientdet_decoder_settings::zylo117(std::nextafter(0.5F, 0.0F))),
        one(anchors, 1, efficientdet_decoder_settings::zylo117(1)),
        zero(anchors, 1, efficientdet_decoder_settings::zylo117(0, 1));
    CHECK(at.decode(logits, deltas, {32, 32}).empty());
    CHECK(below.decode(logits, deltas, {32, 32}).size() == 1);
    logits[3] = 100;
    CHECK(one.decode(logits, deltas, {32, 32}).empty());
    CHECK(zero.decode(logits, deltas, {32, 32}).size() == anchors.size());
}

TEST_CASE("The decoder of EfficientDet refuses wrong sizes and settings") {
    const efficientdet_anchors anchors = small_anchors({32, 32});
    efficientdet_decoder decoder(anchors, 3);
    const std::vector<float> logits(anchors.size() * 3), deltas(anchors.size() * 4), short_one(5);
    CHECK_THROWS_WITH(decoder.decode(short_one, deltas, {32, 32}),
                      "efficientdet_decoder: cls_logits must have 189 x 3 values, got 5");
    CHECK_THROWS_AS(decoder.decode(logits, short_one, {32, 32}), input_error);
    CHECK_THROWS_AS(efficientdet_decoder(anchors, 0), input_error);
    CHECK_THROWS_AS(efficientdet_decoder(anchors, std::size_t{1} << 40U), input_error);
    const auto refused = [&](const auto& change) {
        efficientdet_decoder_settings s;
        change(s);
        CHECK_THROWS_AS(efficientdet_decoder(anchors, 3, s), input_error);
    };
    refused([](auto& s) { s.score_thresh = not_a_number; });
    refused([](auto& s) { s.nms_thresh = 1.5; });
    refused([](auto& s) { s.soft_nms.sigma = 0; });
    efficientdet_decoder_settings none;
    none.detections_per_img = 0;
    CHECK(efficientdet_decoder(anchors, 3, none).decode(logits, deltas, {32, 32}).empty());
}
