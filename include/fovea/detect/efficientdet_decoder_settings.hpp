// The three published ways from EfficientDet's outputs to detections, as settings of one decoder.
#pragma once

#include <fovea/detect/nms.hpp>
#include <fovea/detect/score_reader.hpp>
#include <fovea/detect/soft_nms.hpp>
#include <fovea/error.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace fovea {

enum class box_clipping : std::uint8_t {
    none,
    near_sides, // left and top at 0, right and bottom at the last pixel (zylo117)
    all_sides   // all four into the image (effdet)
};

enum class efficientdet_nms : std::uint8_t {
    hard,         // torchvision's batched_nms
    soft_moved,   // soft-NMS of all boxes, moved apart by class (effdet)
    soft_by_class // soft-NMS class by class (google/automl)
};

// Defaults are those of zylo117's efficientdet_test.py.
struct efficientdet_decoder_settings {
    score_rule rule = score_rule::best_class; // or every (anchor, class) pair
    float score_thresh = 0.2F;                // scores must be above
    std::size_t topk_candidates = keep_all;   // the best of all levels, before NMS
    box_clipping clipping = box_clipping::near_sides;
    efficientdet_nms nms = efficientdet_nms::hard;
    double nms_thresh = 0.2; // hard: IoU within a class must not be above
    soft_nms_settings soft_nms{};
    std::size_t detections_per_img = keep_all; // of all classes, after NMS

    // zylo117: 0.2 and 0.2 for photos, 0.05 and 0.5 in coco_eval.py.
    static constexpr efficientdet_decoder_settings zylo117(float score_thresh = 0.2F,
                                                           double nms_thresh = 0.2) noexcept {
        efficientdet_decoder_settings s;
        s.score_thresh = score_thresh;
        s.nms_thresh = nms_thresh;
        return s;
    }
    // effdet's DetBenchPredict (bench.py, anchors.py), with the photo's size given; soft: its soft_nms
    // option.
    static constexpr efficientdet_decoder_settings effdet(bool soft = false) noexcept {
        efficientdet_decoder_settings s;
        s.rule = score_rule::every_class;
        s.score_thresh = 0;
        s.topk_candidates = 5000;
        s.clipping = box_clipping::all_sides;
        s.nms = soft ? efficientdet_nms::soft_moved : efficientdet_nms::hard;
        s.nms_thresh = 0.5;
        s.detections_per_img = 100;
        return s;
    }
    // google/automl (efficientdet/nms_np.py): per class, Gaussian, sides of x2 - x1 + 1, not clipped.
    static constexpr efficientdet_decoder_settings official() noexcept {
        efficientdet_decoder_settings s = effdet(true);
        s.clipping = box_clipping::none;
        s.nms = efficientdet_nms::soft_by_class;
        s.soft_nms.pixel_corners = true;
        return s;
    }
};

// Throws input_error for thresholds that are NaN or outside 0 .. 1 and a sigma that is not positive.
inline void check(const efficientdet_decoder_settings& s) {
    const auto require = [](const char* name, double value) {
        if (!(value >= 0 && value <= 1))
            throw input_error(std::string("efficientdet_decoder: ") + name + " must be in 0 .. 1, got " +
                              std::to_string(value));
    };
    require("score_thresh", static_cast<double>(s.score_thresh));
    require("nms_thresh", s.nms_thresh);
    detail::check(s.soft_nms);
}

} // namespace fovea
