#include "data.hpp"

#include <fovea/detect/nms.hpp>
#include <fovea/detect/ssd_decoder.hpp>

#include <catch2/catch.hpp>

#include <limits>
#include <random>

using fovea::box;
using fovea::detection;
using fovea::span;
using fovea::ssd_decoder;
using fovea::ssd_decoder_settings;
using namespace fovea::test;

namespace {

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
constexpr float infinite = std::numeric_limits<float>::infinity();

ssd_decoder_settings settings(float score, double nms, std::size_t topk, std::size_t best) {
    ssd_decoder_settings s;
    s.score_thresh = score;
    s.nms_thresh = nms;
    s.topk_candidates = topk;
    s.detections_per_img = best;
    return s;
}

// Box for box in the same order: labels equal, scores and coordinates to the rounding of exp.
void check_equal(span<const detection> got, const array& want_boxes, const array& want_scores,
                 const array& want_labels) {
    const std::vector<box> b = boxes(want_boxes);
    REQUIRE(got.size() == b.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
        CAPTURE(i);
        CHECK(got[i].label == static_cast<int>(want_labels.values[i]));
        CHECK(static_cast<double>(got[i].score) == Approx(want_scores.values[i]).epsilon(2e-6));
        CHECK(std::abs(got[i].box.x1 - b[i].x1) < 1e-3F);
        CHECK(std::abs(got[i].box.y1 - b[i].y1) < 1e-3F);
        CHECK(std::abs(got[i].box.x2 - b[i].x2) < 1e-3F);
        CHECK(std::abs(got[i].box.y2 - b[i].y2) < 1e-3F);
    }
}

// Probabilities of one anchor, by the vector form of the softmax: scores then are equal bit for bit.
std::vector<float> probabilities(const float* logits, std::size_t classes) {
    std::vector<float> row(fovea::padded_classes(classes)), e(row.size());
    std::copy(logits, logits + classes, row.begin());
    const float sum =
        fovea::softmax_exponentials(row.data(), classes, fovea::largest_of(row.data(), classes), e.data());
    e.resize(classes);
    for (float& p : e)
        p /= sum;
    return e;
}

// The definition, step by step as torchvision does it, with every box decoded and every class looked at.
std::vector<detection> decode_reference(const std::vector<box>& anchors, const std::vector<float>& logits,
                                        const std::vector<float>& offsets, std::size_t classes,
                                        fovea::spatial_size image, const ssd_decoder_settings& s) {
    std::vector<float> p(logits.size());
    std::vector<box> decoded, candidate_boxes;
    for (std::size_t i = 0; i < anchors.size(); ++i) {
        const std::vector<float> row = probabilities(&logits[i * classes], classes);
        std::copy(row.begin(), row.end(), &p[i * classes]);
        decoded.push_back(fovea::corner_decoder(s.coder).decode(&offsets[4 * i], anchors[i], image));
    }
    std::vector<float> scores;
    std::vector<int> labels;
    for (std::size_t c = 1; c < classes; ++c) {
        std::vector<std::size_t> above;
        for (std::size_t i = 0; i < anchors.size(); ++i) {
            const float* const row = &p[i * classes];
            const bool chosen = s.rule == fovea::score_rule::every_class ||
                                std::max_element(row + 1, row + classes) == row + c;
            if (chosen && row[c] > s.score_thresh && !has_nan(decoded[i]))
                above.push_back(i);
        }
        std::stable_sort(above.begin(), above.end(), [&](std::size_t a, std::size_t b) {
            return p[a * classes + c] > p[b * classes + c];
        });
        above.resize(std::min(above.size(), s.topk_candidates));
        for (std::size_t i : above) {
            candidate_boxes.push_back(decoded[i]);
            scores.push_back(p[i * classes + c]);
            labels.push_back(static_cast<int>(c));
        }
    }
    fovea::nms_workspace workspace(scores.size());
    std::vector<detection> result;
    for (std::size_t i :
         fovea::batched_nms(candidate_boxes, scores, labels, s.nms_thresh, workspace, s.detections_per_img))
        result.push_back({labels[i], scores[i], candidate_boxes[i]});
    return result;
}

struct random_heads {
    std::vector<box> anchors;
    std::vector<float> logits, offsets;

    // Scores on a grid of 1/4 in the logits, so that many tie; strong background keeps most anchors quiet.
    random_heads(std::size_t count, std::size_t classes, unsigned seed, bool ties) {
        std::mt19937 random(seed);
        std::normal_distribution<float> normal;
        const auto rounding = [&](float v) { return ties ? std::round(v * 4) / 4 : v; };
        for (std::size_t i = 0; i < count; ++i) {
            const float x = 150 + 80 * normal(random), y = 150 + 80 * normal(random);
            anchors.push_back({x - 20, y - 30, x + 30, y + 20});
            for (std::size_t c = 0; c < classes; ++c)
                logits.push_back(rounding(2 * normal(random) + (c == 0 ? 3.0F : 0.0F)));
            for (int k = 0; k < 4; ++k)
                offsets.push_back(normal(random));
        }
    }
};

bool same_detections(span<const detection> got, const std::vector<detection>& want) {
    return got.size() == want.size() &&
           std::equal(got.begin(), got.end(), want.begin(), [](const detection& a, const detection& b) {
               return a.label == b.label && a.score == b.score && a.box == b.box;
           });
}

} // namespace

TEST_CASE("Detections equal torchvision's box for box") {
    const std::vector<float> logits = numbers<float>(detect_data("decoder_logits")),
                             offsets = numbers<float>(detect_data("decoder_offsets"));
    const fovea::default_box_table table{{{2, 3}, {2, 3}, {2, 3}, {2, 3}, {2, 3}, {2, 3}},
                                         {0.07, 0.14, 0.22, 0.32, 0.45, 0.65, 0.9}};
    const fovea::default_boxes anchors(table, {{4, 5}, {3, 3}, {2, 2}, {1, 2}, {1, 1}, {1, 1}}, {193, 225});
    ssd_decoder wide(anchors, 7, settings(0.001F, 0.55, 300, 300)),
        narrow(anchors, 7, settings(0.2F, 0.45, 12, 20)),
        explicit_anchors(anchors.to_vector(), 7, settings(0.2F, 0.45, 12, 20));
    check_equal(wide.decode(logits, offsets, {193, 225}), detect_data("decoder_wide_boxes"),
                detect_data("decoder_wide_scores"), detect_data("decoder_wide_labels"));
    for (ssd_decoder* decoder : {&narrow, &explicit_anchors})
        check_equal(decoder->decode(logits, offsets, {193, 225}), detect_data("decoder_narrow_boxes"),
                    detect_data("decoder_narrow_scores"), detect_data("decoder_narrow_labels"));
}

TEST_CASE("Detections equal the shared golden box for box") {
    const auto golden = shared_golden("components", "postprocess_ssd");
    if (!golden)
        return;
    const std::vector<float> logits = numbers<float>(golden->input("cls_logits")),
                             offsets = numbers<float>(golden->input("bbox_regression"));
    const auto check = [&](const std::string& name, const ssd_decoder_settings& s) {
        ssd_decoder decoder(boxes(golden->input("anchors")), 21, s);
        const auto full = [&](const char* key) { return *golden->output(name + key).full; };
        check_equal(decoder.decode(logits, offsets, {320, 320}), full("_boxes"), full("_scores"),
                    full("_labels"));
    };
    check("ssdlite", settings(0.001F, 0.55, 300, 300));
    check("ssd300", settings(0.01F, 0.45, 400, 200));
    check("small", settings(0.05F, 0.5, 10, 20));
}

TEST_CASE("Real SSDLite outputs give torchvision's boxes") {
    const std::filesystem::path folder = std::filesystem::path(FOVEA_SHARED_DIR) / "data/golden/ssdlite320";
    if (!std::filesystem::exists(folder))
        return;
    const fovea::default_box_table table{{{2, 3}, {2, 3}, {2, 3}, {2, 3}, {2, 3}, {2, 3}},
                                         fovea::linear_scales(0.2, 0.95, 6)};
    ssd_decoder decoder({table, {{20, 20}, {10, 10}, {5, 5}, {3, 3}, {2, 2}, {1, 1}}, {320, 320}}, 91);
    for (const std::string photo : {"image_10", "image_2"}) {
        CAPTURE(photo);
        const auto data = [&](const char* suffix) { return read_npy(folder / (photo + suffix + ".npy")); };
        const std::vector<float> logits = numbers<float>(data("_cls_logits")),
                                 offsets = numbers<float>(data("_bbox_regression"));
        const array image = data("_rgb_u8_chw");
        array want = data("_boxes_xyxy"); // in the photo's pixels
        for (std::size_t i = 0; i < want.values.size(); ++i)
            want.values[i] *= 320.0 / static_cast<double>(image.shape[i % 2 == 0 ? 2 : 1]);
        check_equal(decoder.decode(logits, offsets, {320, 320}), want, data("_scores"), data("_labels"));
    }
}

TEST_CASE("The decoder equals its step-by-step definition") {
    const std::size_t classes = GENERATE(2U, 5U, 17U, 91U);
    const std::size_t anchors = GENERATE(1U, 40U, 400U);
    const bool ties = GENERATE(false, true);
    for (float score : {0.0F, 0.001F, 0.05F, 0.3F, 0.9F, 1.0F})
        for (std::size_t topk : {3U, 100U, 1000U})
            for (auto rule : {fovea::score_rule::every_class, fovea::score_rule::best_class}) {
                CAPTURE(classes, anchors, ties, score, topk, static_cast<int>(rule));
                const random_heads heads(anchors, classes, static_cast<unsigned>(classes + anchors), ties);
                ssd_decoder_settings s = settings(score, 0.45, topk, 50);
                s.rule = rule;
                ssd_decoder decoder(heads.anchors, classes, s);
                const auto want =
                    decode_reference(heads.anchors, heads.logits, heads.offsets, classes, {300, 300}, s);
                CHECK(same_detections(decoder.decode(heads.logits, heads.offsets, {300, 300}), want));
            }
}

TEST_CASE("Detections that take several rounds to find equal the definition") {
    const bool ties = GENERATE(false, true);
    const std::size_t classes = GENERATE(2U, 6U, 91U);
    const double nms = GENERATE(0.02, 0.6);
    const random_heads heads(2600, classes, 9, ties);
    for (float score : {0.0F, 0.001F, 0.2F})
        for (std::size_t topk : {40U, 300U})
            for (std::size_t most : {20U, 100000U}) {
                CAPTURE(classes, ties, nms, score, topk, most);
                const ssd_decoder_settings s = settings(score, nms, topk, most);
                ssd_decoder decoder(heads.anchors, classes, s);
                const auto want =
                    decode_reference(heads.anchors, heads.logits, heads.offsets, classes, {300, 300}, s);
                CHECK(same_detections(decoder.decode(heads.logits, heads.offsets, {300, 300}), want));
            }
}

TEST_CASE("A decoder remembers nothing between calls") {
    const random_heads first(60, 5, 1, false), second(60, 5, 2, false);
    ssd_decoder decoder(first.anchors, 5), fresh(first.anchors, 5);
    decoder.decode(second.logits, second.offsets, {300, 300});
    const span<const detection> again = decoder.decode(first.logits, first.offsets, {300, 300});
    const span<const detection> once = fresh.decode(first.logits, first.offsets, {300, 300});
    CHECK(same_detections(again, {once.begin(), once.end()}));
}

TEST_CASE("Anchors with NaN or infinite outputs detect nothing and disturb no other") {
    random_heads heads(30, 20, 3, false);
    ssd_decoder decoder(heads.anchors, 20, settings(0.1F, 1.0, 300, 300));
    heads.logits[0 * 20 + 7] = not_a_number;
    heads.logits[1 * 20 + 0] = not_a_number;
    heads.logits[2 * 20 + 19] = infinite;
    heads.logits[3 * 20 + 0] = infinite;
    std::fill_n(heads.logits.begin() + 4 * 20, 20, -infinite);
    heads.offsets[5 * 4 + 3] = not_a_number;
    heads.logits[6 * 20 + 3] = -infinite; // an impossible class; the others count
    heads.logits[6 * 20 + 4] = 20;
    heads.offsets[6 * 4] = infinite; // a box outside, clipped
    const auto want =
        decode_reference(heads.anchors, heads.logits, heads.offsets, 20, {300, 300}, decoder.settings());
    const span<const detection> got = decoder.decode(heads.logits, heads.offsets, {300, 300});
    CHECK(same_detections(got, want));
    const auto from_anchor_6 = [](const detection& d) {
        return d.label == 4 && d.score > 0.99F && d.box.x1 == 300;
    };
    CHECK(std::count_if(got.begin(), got.end(), from_anchor_6) == 1);
}

TEST_CASE("Heads without anchors, without foreground classes or without survivors detect nothing") {
    const std::vector<float> nothing, background(6, 1.0F), offsets(24);
    ssd_decoder no_anchors(std::vector<box>{}, 91), background_only(std::vector<box>(6), 1);
    CHECK(no_anchors.decode(nothing, nothing, {320, 320}).empty());
    CHECK(background_only.decode(background, offsets, {320, 320}).empty());
    const random_heads heads(10, 3, 4, false);
    ssd_decoder sure(heads.anchors, 3, settings(1.0F, 0.5, 300, 300)),
        none(heads.anchors, 3, settings(0, 0.5, 300, 0)),
        no_candidates(heads.anchors, 3, settings(0, 0.5, 0, 300));
    for (ssd_decoder* decoder : {&sure, &none, &no_candidates})
        CHECK(decoder->decode(heads.logits, heads.offsets, {300, 300}).empty());
    ssd_decoder no_image(heads.anchors, 3, settings(0, 0.5, 300, 300));
    for (const detection& d : no_image.decode(heads.logits, heads.offsets, {0, 0}))
        CHECK(d.box == box{0, 0, 0, 0});
}

TEST_CASE("Settings and sizes that make no sense are input errors") {
    const std::vector<box> two(2);
    for (float score : {not_a_number, -0.1F, 1.5F, infinite})
        CHECK_THROWS_AS(ssd_decoder(two, 3, settings(score, 0.5, 1, 1)), fovea::input_error);
    for (double overlap : {std::numeric_limits<double>::quiet_NaN(), -0.1, 1.5})
        CHECK_THROWS_AS(ssd_decoder(two, 3, settings(0.5F, overlap, 1, 1)), fovea::input_error);
    CHECK_THROWS_AS(ssd_decoder(two, 0), fovea::input_error);
    CHECK_THROWS_AS(ssd_decoder(two, std::numeric_limits<std::size_t>::max()), fovea::input_error);
    CHECK_NOTHROW(ssd_decoder(two, 3, settings(0.5F, 0.5, fovea::keep_all, fovea::keep_all)));
    ssd_decoder decoder(two, 3);
    const std::vector<float> logits(6), offsets(8), short_logits(5), short_offsets(7);
    CHECK_NOTHROW(decoder.decode(logits, offsets, {10, 10}));
    CHECK_THROWS_AS(decoder.decode(short_logits, offsets, {10, 10}), fovea::input_error);
    CHECK_THROWS_AS(decoder.decode(logits, short_offsets, {10, 10}), fovea::input_error);
}
