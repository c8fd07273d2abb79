// Classifiers: photo in, class names and probabilities out.
#pragma once

#include <fovea/io/labels.hpp>
#include <fovea/kernels/reference/softmax.hpp>
#include <fovea/models/efficientnet.hpp>
#include <fovea/models/mobilenet_v2.hpp>
#include <fovea/models/mobilenet_v3.hpp>
#include <fovea/models/model.hpp>
#include <fovea/models/photo_input.hpp>

namespace fovea {

// One class of a photo. `score` is its probability.
struct classification {
    int label = 0;
    float score = 0;
};

// The preset of a classification table: the middle of the photo at 7/8 of the shorter side, ImageNet
// statistics (torchvision's MobileNet weights: 224 of 256).
template <class Table>
constexpr preset classifier_preset(const Table& t) noexcept {
    const int side = t.height < t.width ? t.height : t.width;
    const int longer = t.height < t.width ? t.width : t.height;
    preset p =
        classification_preset(static_cast<std::size_t>(side), static_cast<std::size_t>(longer * 8 / 7));
    p.height = static_cast<std::size_t>(t.height);
    p.width = static_cast<std::size_t>(t.width);
    if (t.resize > 0)
        p.shorter = static_cast<std::size_t>(t.resize);
    return p;
}

// EfficientNet's: bicubic (torchvision's V1 weights, the Lite port), with the table's own statistics.
constexpr preset classifier_preset(const tables::efficientnet_table& t) noexcept {
    preset p = classifier_preset<tables::efficientnet_table>(t);
    p.filter = t.filter;
    p.mean = t.mean;
    p.std = t.std;
    return p;
}

} // namespace fovea

FOVEA_ARCH_NAMESPACE_BEGIN

// A classification network with its preprocessing and class names. Use one a thread.
class classifier {
public:
    // Throws weights_error when the weights do not fit. Pixels are resized as Pillow does it unless `input`
    // says otherwise.
    classifier(const program_view& program, const preset& input, const state_dict& weights,
               const load_options& options = {})
        : network_(program, weights, options), preset_(input) {
        const std::vector<std::string> all = default_labels(network_.output_floats(0));
        labels_ = options.labels.empty() ? all : options.labels;
    }

    // The `count` most probable classes, best first. Throws input_error as forward() does.
    std::vector<classification> classify(image_view photo, std::size_t count = 5) {
        const span<const float> logits = forward(photo);
        std::vector<float> scores(logits.size());
        reference::softmax<float>(logits, scores);
        std::vector<classification> classes;
        for (std::size_t i = 0; i < scores.size(); ++i)
            classes.push_back({static_cast<int>(i), scores[i]});
        count = std::min(count, classes.size());
        std::partial_sort(classes.begin(), classes.begin() + static_cast<std::ptrdiff_t>(count),
                          classes.end(), [](const classification& a, const classification& b) {
                              return a.score != b.score ? a.score > b.score : a.label < b.label;
                          });
        classes.resize(count);
        return classes;
    }
    // The logits of a photo, valid until the next call. Throws input_error for an empty photo and when
    // network() is planned for a batch or for a size that the preset does not make.
    span<const float> forward(image_view photo) {
        input_.forward(network_, preset_, photo);
        return network_.output(0);
    }

    const std::vector<std::string>& labels() const noexcept { return labels_; }
    const std::string& name(int label) const { return labels_.at(static_cast<std::size_t>(label)); }
    const preset& input_preset() const noexcept { return preset_; }
    // The bare network: raw inputs, other sizes, batches, executors.
    fovea::network& network() noexcept { return network_; }

private:
    fovea::network network_;
    preset preset_;
    photo_input input_;
    std::vector<std::string> labels_;
};

// The model type of a classification table.
template <const auto& Table>
struct classification_model : model<Table> {
    using runner = classifier;
    static constexpr preset input_preset = classifier_preset(Table);

    static runner make(const state_dict& weights, const load_options& options) {
        return {model<Table>::program(), input_preset, weights, options};
    }
};

// torchvision's names. The argument is any table of the family: mobilenet_v3_large<narrow>.
template <const tables::mobilenet_v2_table& Table = tables::mobilenet_v2>
using mobilenet_v2 = classification_model<Table>;
template <const tables::mobilenet_v3_table& Table = tables::mobilenet_v3_large>
using mobilenet_v3_large = classification_model<Table>;
template <const tables::mobilenet_v3_table& Table = tables::mobilenet_v3_small>
using mobilenet_v3_small = classification_model<Table>;
template <const tables::efficientnet_table& Table = tables::efficientnet_b0>
using efficientnet_b0 = classification_model<Table>;
template <const tables::efficientnet_table& Table = tables::efficientnet_b1>
using efficientnet_b1 = classification_model<Table>;
template <const tables::efficientnet_table& Table = tables::efficientnet_b2>
using efficientnet_b2 = classification_model<Table>;
template <const tables::efficientnet_table& Table = tables::efficientnet_b3>
using efficientnet_b3 = classification_model<Table>;
template <const tables::efficientnet_table& Table = tables::efficientnet_b4>
using efficientnet_b4 = classification_model<Table>;
template <const tables::efficientnet_table& Table = tables::efficientnet_b5>
using efficientnet_b5 = classification_model<Table>;
template <const tables::efficientnet_table& Table = tables::efficientnet_b6>
using efficientnet_b6 = classification_model<Table>;
template <const tables::efficientnet_table& Table = tables::efficientnet_b7>
using efficientnet_b7 = classification_model<Table>;
template <const tables::efficientnet_table& Table = tables::efficientnet_lite0>
using efficientnet_lite0 = classification_model<Table>;
template <const tables::efficientnet_table& Table = tables::efficientnet_lite1>
using efficientnet_lite1 = classification_model<Table>;
template <const tables::efficientnet_table& Table = tables::efficientnet_lite2>
using efficientnet_lite2 = classification_model<Table>;
template <const tables::efficientnet_table& Table = tables::efficientnet_lite3>
using efficientnet_lite3 = classification_model<Table>;
template <const tables::efficientnet_table& Table = tables::efficientnet_lite4>
using efficientnet_lite4 = classification_model<Table>;

FOVEA_ARCH_NAMESPACE_END
