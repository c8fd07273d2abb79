// Fuzz target: one annotation file of Pascal VOC, with pixels from 0 and from 1. Only fovea's errors may come
// out, and what is accepted can be trained on.
#include "../../examples/voc_annotation.hpp"

#include <fovea/error.hpp>
#include <fovea/train/target/ground_truth.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    for (const bool one_based : {false, true})
        try {
            fovea::dataset_builder builder({}, fovea::unknown_label::is_an_error);
            fovea::examples::parse_voc_annotation(text, "fuzz.xml", "fuzz.jpg", 1, one_based, builder);
            const fovea::detection_dataset read = builder.finish();
            for (const fovea::detection_sample& sample : read.samples)
                for (const fovea::labeled_box& object : sample.objects)
                    if (!fovea::is_trainable(object.corners) || object.label < 1 ||
                        static_cast<std::size_t>(object.label) >= read.classes.size())
                        std::abort();
        } catch (const fovea::error&) {
        }
    return 0;
}
