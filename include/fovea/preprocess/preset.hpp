// What a model does to a photo before its first layer, as constexpr data that a model type holds.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace fovea {

// How a photo's size becomes the size of the network's input.
enum class resize_rule : std::uint8_t {
    stretch, // exactly height x width, whatever the aspect (torchvision's SSD and SSDLite; DSOD, ScratchDet)
    bounded_sides, // shorter side to `shorter`, longer at most `longer`, zero padding to multiples (Faster
                   // R-CNN)
    letterbox,     // the largest fit inside height x width, zeros right and below (EfficientDet)
    padded_fit,    // the same in 8 bits, `padding` right and below (effdet)
    shorter_side,  // shorter side to `shorter`, aspect kept (torchvision's segmentation preset)
    centre_crop    // as shorter_side, then the middle height x width (torchvision's classification preset)
};

enum class interpolation_mode : std::uint8_t { nearest, bilinear, bicubic };

// Whose arithmetic padded_fit, shorter_side and centre_crop follow; all round the resized pixels to 8 bits.
enum class resampler : std::uint8_t {
    pillow, // antialiased, fixed point: what torchvision does to a PIL image
    tensor  // not antialiased, float: what torchvision does to a uint8 tensor
};

enum class channel_order : std::uint8_t { rgb, bgr };

// One preset. `mean` and `std` belong to pixels scaled to [0, 1], in the network's channel order.
// stretch, bounded_sides and letterbox normalise first and then resize bilinearly without antialiasing, so
// that their padding is the mean colour; `filter` and `sampler` matter to the other rules only.
struct preset {
    resize_rule rule = resize_rule::stretch;
    std::size_t height = 0, width = 0; // of the network's input: all but bounded_sides, shorter_side
    std::size_t shorter = 0;           // bounded_sides, shorter_side, centre_crop
    std::size_t longer = 0;            // bounded_sides
    std::size_t multiple = 1;          // bounded_sides: the input's sides are multiples of it
    interpolation_mode filter = interpolation_mode::bilinear;
    resampler sampler = resampler::pillow;
    std::array<float, 3> mean{}, std{1.0F, 1.0F, 1.0F};
    channel_order channels = channel_order::rgb;
    std::array<std::uint8_t, 3> padding{}; // padded_fit: a pixel's RGB
    // letterbox, padded_fit: one ratio takes boxes of both axes back, and the side that decides it may be
    // truncated as the other one, a pixel short. Else each axis has its own, and that side fits exactly.
    bool one_ratio = false;
};

// ImageNet statistics (torchvision transforms/_presets.py).
inline constexpr std::array<float, 3> imagenet_mean{0.485F, 0.456F, 0.406F};
inline constexpr std::array<float, 3> imagenet_std{0.229F, 0.224F, 0.225F};

// torchvision's ImageClassification: shorter side to `resize`, centre crop of crop x crop.
constexpr preset classification_preset(std::size_t crop, std::size_t resize,
                                       interpolation_mode filter = interpolation_mode::bilinear,
                                       resampler sampler = resampler::pillow) noexcept {
    return {resize_rule::centre_crop, crop, crop, resize, 0, 1, filter, sampler, imagenet_mean, imagenet_std};
}

// torchvision's SemanticSegmentation: shorter side to `resize`, the whole photo.
constexpr preset segmentation_preset(std::size_t resize, resampler sampler = resampler::pillow) noexcept {
    return {resize_rule::shorter_side,
            0,
            0,
            resize,
            0,
            1,
            interpolation_mode::bilinear,
            sampler,
            imagenet_mean,
            imagenet_std};
}

// torchvision's GeneralizedRCNNTransform with fixed_size (models/detection/ssd.py, ssdlite.py).
constexpr preset stretch_preset(std::size_t height, std::size_t width, std::array<float, 3> mean,
                                std::array<float, 3> std) noexcept {
    return {resize_rule::stretch, height, width, 0, 0, 1, interpolation_mode::bilinear,
            resampler::tensor,    mean,   std};
}

// torchvision's GeneralizedRCNNTransform with min_size and max_size (models/detection/faster_rcnn.py).
constexpr preset bounded_preset(std::size_t min_size, std::size_t max_size,
                                std::size_t size_divisible = 32) noexcept {
    return {resize_rule::bounded_sides,
            0,
            0,
            min_size,
            max_size,
            size_divisible,
            interpolation_mode::bilinear,
            resampler::tensor,
            imagenet_mean,
            imagenet_std};
}

// EfficientDet: long side to the input's side, zeros right and below. Boxes go back as zylo117 has it
// (utils/utils.py: aspectaware_resize_padding, invert_affine).
constexpr preset letterbox_preset(std::size_t height, std::size_t width) noexcept {
    return {resize_rule::letterbox, height,        width,       0, 0, 1, interpolation_mode::bilinear,
            resampler::tensor,      imagenet_mean, imagenet_std};
}

// The same as google/automl has it (efficientdet/dataloader.py).
constexpr preset automl_letterbox_preset(std::size_t height, std::size_t width) noexcept {
    preset p = letterbox_preset(height, width);
    p.one_ratio = true;
    return p;
}

// effdet's transforms_coco_eval (effdet/data/transforms.py): Pillow's bilinear, padded with the mean colour
// in 8 bits.
constexpr preset effdet_preset(std::size_t height, std::size_t width) noexcept {
    preset p = automl_letterbox_preset(height, width);
    p.rule = resize_rule::padded_fit;
    p.sampler = resampler::pillow;
    p.padding = {124, 116, 104};
    return p;
}

} // namespace fovea
