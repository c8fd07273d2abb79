// A model of the command line, ready to run. engine.cpp alone compiles kernels, once for each instruction
// set; everything here is light and the same for all of them.
#pragma once

#include "model_choice.hpp"

#include <fovea/detect/box.hpp>
#include <fovea/dispatch.hpp>
#include <fovea/kernels/layer.hpp>
#include <fovea/preprocess/image.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace fovea::cli {

// A class of a photo with its probability.
struct scored_class {
    int class_id = 0;
    std::string label;
    float score = 0;
};

// An object in a photo; the box in the photo's pixels.
struct found_object {
    int class_id = 0;
    std::string label;
    float score = 0;
    fovea::box box;
};

class engine {
public:
    virtual ~engine() = default;

    // Best first.
    virtual std::vector<scored_class> classify(image_view photo, std::size_t count) = 0;
    virtual std::vector<found_object> detect(image_view photo) = 0;
    virtual void set_score_threshold(float threshold) = 0;
    // The settings that the reference evaluates with, where they are not its defaults.
    virtual void use_evaluation_settings() = 0;
    virtual const std::vector<std::string>& labels() const = 0;

    // The bare network, as fovea::network has it.
    virtual void use_threads(int threads) = 0;
    virtual void plan(int batch, int height, int width, bool keep_values) = 0;
    virtual void forward(const float* images) noexcept = 0; // NHWC, preprocessed
    virtual graph_view graph() const noexcept = 0;
    virtual shape input_shape() const noexcept = 0;
    virtual shape shape_of(node_id i) const noexcept = 0;
    virtual span<const float> output(std::size_t i) const noexcept = 0;
    // Default boxes or anchors at the planned size; none for a classifier.
    virtual std::vector<box> default_boxes() const = 0;
    virtual void
    for_each_value(const std::function<void(node_id, const float*, const map_layout&)>& visit) const = 0;

    virtual std::size_t packed_weight_bytes() const noexcept = 0;
    virtual std::size_t workspace_bytes() const noexcept = 0;

    virtual span<const step> steps() const noexcept = 0;
    virtual std::string_view kernel_name(std::size_t s) const noexcept = 0;
    virtual const layer& layer_at(std::size_t s) const noexcept = 0;
    virtual std::size_t packed_weight_bytes(std::size_t s) const noexcept = 0;
    virtual void run_step(std::size_t s) const noexcept = 0;
};

// An engine for the best instruction set of this processor, or FOVEA_ARCH's. Without weights it gets random
// ones, the same every time: for measurements. Throws input_error when the table is wrong, weights_error when
// the weights do not fit it.
extern const dispatched<std::unique_ptr<engine>(const model_choice& choice, const state_dict* weights)>
    make_engine;

// GFLOP/s that one core's FMA units reach with that instruction set, measured now.
extern const dispatched<double()> fma_peak;

} // namespace fovea::cli
