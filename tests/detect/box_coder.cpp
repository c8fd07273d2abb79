#include "data.hpp"

#include <fovea/detect/box_coder.hpp>

#include <catch2/catch.hpp>

#include <limits>

using fovea::box;
using fovea::box_coder;
using fovea::box_offsets;
using namespace fovea::test;

namespace {

constexpr box_coder rpn{1, 1, 1, 1};

std::vector<box> decode(const box_coder& coder, const array& offsets, const array& anchors) {
    const std::vector<float> d = numbers<float>(offsets);
    const std::vector<box> from = boxes(anchors);
    const std::size_t each = d.size() / from.size() / 4; // boxes from each anchor
    std::vector<box> decoded;
    for (std::size_t i = 0; i < d.size() / 4; ++i)
        decoded.push_back(coder.decode({d[4 * i], d[4 * i + 1], d[4 * i + 2], d[4 * i + 3]}, from[i / each]));
    return decoded;
}

std::vector<float> encode(const box_coder& coder, const array& targets, const array& anchors) {
    const std::vector<box> to = boxes(targets), from = boxes(anchors);
    std::vector<float> encoded;
    for (std::size_t i = 0; i < to.size(); ++i) {
        const box_offsets o = coder.encode(to[i], from[i]);
        encoded.insert(encoded.end(), {o.dx, o.dy, o.dw, o.dh});
    }
    return encoded;
}

// exp and log may differ from torch's by a unit in the last place.
void check_close(const std::vector<double>& want, const std::vector<double>& got) {
    REQUIRE(want.size() == got.size());
    for (std::size_t i = 0; i < want.size(); ++i)
        CHECK(std::abs(want[i] - got[i]) <= 1e-6 * std::abs(want[i]) + 1e-4);
}

} // namespace

TEST_CASE("Decoding and encoding agree with torchvision") {
    const array anchors = detect_data("coder_anchors"), offsets = detect_data("coder_offsets"),
                targets = detect_data("coder_targets");
    check_close(detect_data("coder_ssd_decoded").values, to_array(decode({}, offsets, anchors)).values);
    check_close(detect_data("coder_rpn_decoded").values, to_array(decode(rpn, offsets, anchors)).values);
    check_close(detect_data("coder_ssd_encoded").values, to_array_1d(encode({}, targets, anchors)).values);
    check_close(detect_data("coder_rpn_encoded").values, to_array_1d(encode(rpn, targets, anchors)).values);
}

TEST_CASE("Decoding and encoding agree with the shared golden") {
    const auto golden = shared_golden("components", "box_coder_torchvision");
    if (!golden)
        return;
    const array anchors = golden->input("anchors"), deltas = golden->input("deltas"),
                gt = golden->input("gt");
    const auto full = [&](const char* name) { return golden->output(name).full->values; };
    check_close(full("decode_ssd"), to_array(decode({}, deltas, anchors)).values);
    check_close(full("decode_rpn"), to_array(decode(rpn, deltas, anchors)).values);
    check_close(full("decode_multi"), to_array(decode({}, golden->input("multi_deltas"), anchors)).values);
    check_close(full("encode_ssd"), to_array_1d(encode({}, gt, anchors)).values);
    check_close(full("encode_rpn"), to_array_1d(encode(rpn, gt, anchors)).values);
}

TEST_CASE("Growth is limited and shrinking is not") {
    const box unit{0, 0, 1, 1};
    const box grown = box_coder{}.decode({0, 0, 1000, 1000}, unit);
    CHECK(grown.x2 - grown.x1 == Approx(62.5));
    const box shrunk = box_coder{}.decode({0, 0, -1000, -1000}, unit);
    CHECK(shrunk.x2 - shrunk.x1 == 0.0F);
    CHECK(has_nan(box_coder{}.decode({0, 0, 0, std::numeric_limits<float>::quiet_NaN()}, unit)));
}
