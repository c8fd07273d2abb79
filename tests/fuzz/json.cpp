// Fuzz target: the first line as COCO annotations, the rest as detections for them; all of it as a data set
// for training. Only fovea's errors may come out, and what is accepted can be evaluated and trained on.
#include "../../examples/coco_dataset.hpp"

#include <fovea/error.hpp>
#include <fovea/evaluate/coco.hpp>
#include <fovea/evaluate/voc.hpp>
#include <fovea/train/target/ground_truth.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

void check_trainable(std::string_view text) {
    const fovea::detection_dataset data = fovea::examples::parse_coco(text, "fuzz", "");
    for (const fovea::detection_sample& sample : data.samples)
        for (const fovea::labeled_box& object : sample.objects)
            if (!fovea::is_trainable(object.corners) || object.label < 1 ||
                static_cast<std::size_t>(object.label) >= data.classes.size())
                std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::size_t line = std::min(text.find('\n'), size);
    try {
        check_trainable(text);
    } catch (const fovea::error&) {
    }
    try {
        const auto dataset = fovea::examples::parse_coco_annotations(text.substr(0, line), "fuzz");
        const auto detections = fovea::examples::parse_coco_detections(text.substr(line), "fuzz", dataset);
        const double ap = fovea::evaluate_coco(dataset.annotations, detections).figures.ap;
        const double map = fovea::evaluate_voc(dataset.annotations, detections).map;
        if (!(ap >= -1 && ap <= 1 + 1e-9 && map >= -1 && map <= 1 + 1e-9))
            std::abort();
    } catch (const fovea::error&) {
    }
    return 0;
}
