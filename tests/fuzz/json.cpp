// Fuzz target: the first line as COCO annotations, the rest as detections for them. Only fovea's errors may
// come out, and what is accepted can be evaluated.
#include "../../examples/coco_json.hpp"

#include <fovea/error.hpp>
#include <fovea/evaluate/coco.hpp>
#include <fovea/evaluate/voc.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::size_t line = std::min(text.find('\n'), size);
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
