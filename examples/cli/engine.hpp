// A model of the command line, ready to run. engine.cpp is the one translation unit that compiles kernels, so
// that the commands compile fast; everything here is light.
#pragma once

#include "model_choice.hpp"

#include <fovea/detect/box.hpp>
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
    // Throws input_error when the table is wrong, weights_error when the weights do not fit it.
    engine(const model_choice& choice, const state_dict& weights);
    // With random weights, the same ones every time: for measurements.
    explicit engine(const model_choice& choice);
    engine(engine&& other) noexcept;
    ~engine();

    // The instruction set that the kernels are compiled for.
    static const char* arch() noexcept;
    // GFLOP/s that one core's FMA units reach with it, measured now.
    static double fma_peak() noexcept;

    // Best first.
    std::vector<scored_class> classify(image_view photo, std::size_t count);
    std::vector<found_object> detect(image_view photo);
    void set_score_threshold(float threshold);
    const std::vector<std::string>& labels() const;

    // The bare network, as fovea::network has it.
    void use_threads(int threads);
    void plan(int batch, int height, int width, bool keep_values = false);
    void forward(const float* images) noexcept; // NHWC, preprocessed
    graph_view graph() const noexcept;
    shape input_shape() const noexcept;
    shape shape_of(node_id i) const noexcept;
    span<const float> output(std::size_t i) const noexcept;
    // Default boxes at the planned size; none for a classifier.
    std::vector<box> default_boxes() const;
    void for_each_value(const std::function<void(node_id, const float*, const map_layout&)>& visit) const;

    std::size_t packed_weight_bytes() const noexcept;
    std::size_t workspace_bytes() const noexcept;

    span<const step> steps() const noexcept;
    std::string_view kernel_name(std::size_t s) const noexcept;
    const layer& layer_at(std::size_t s) const noexcept;
    std::size_t packed_weight_bytes(std::size_t s) const noexcept;
    void run_step(std::size_t s) const noexcept;

private:
    struct parts;
    std::unique_ptr<parts> parts_;
};

} // namespace fovea::cli
