// Averaging of checkpoints: one set of weights from the last good ones, as MobileNetV3's recipe ends.
#pragma once

#include <fovea/error.hpp>
#include <fovea/tensor/view.hpp>

#include <cmath>
#include <cstddef>
#include <deque>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace fovea {

// mean[i] = the mean of arrays[0][i], arrays[1][i], ..., summed in double in this order. All arrays have the
// size of `mean`, which may be one of them. Throws input_error for none or for other sizes.
inline void average(span<const span<const float>> arrays, span<float> mean) {
    if (arrays.empty())
        throw input_error("averaging: expected at least one array");
    for (const span<const float>& array : arrays)
        if (array.size() != mean.size())
            throw input_error("averaging: expected " + std::to_string(mean.size()) + " numbers, found " +
                              std::to_string(array.size()));
    const auto count = static_cast<double>(arrays.size());
    for (std::size_t i = 0; i < mean.size(); ++i) {
        double sum = 0;
        for (const span<const float>& array : arrays)
            sum += static_cast<double>(array[i]);
        mean[i] = static_cast<float>(sum / count);
    }
}

// Keeps the last `count` weights that were better than all before them; torchvision's MobileNetV3 averages
// three. Its state is best() and kept().
class improving_weights {
public:
    // Throws input_error for a count of 0.
    explicit improving_weights(std::size_t count = 3) : count_(count) {
        if (count == 0)
            throw input_error("averaging: expected at least one set of weights to keep");
    }

    // Keeps the weights if the score (larger is better) is above all scores offered before; tells whether it
    // did. A NaN never is. Throws input_error when the size differs from the kept ones'.
    bool offer(double score, span<const float> weights) {
        if (!kept_.empty() && weights.size() != kept_.front().size())
            throw input_error("averaging: expected " + std::to_string(kept_.front().size()) +
                              " numbers, found " + std::to_string(weights.size()));
        if (!(score > best_))
            return false;
        kept_.emplace_back(weights.begin(), weights.end());
        if (kept_.size() > count_)
            kept_.pop_front();
        best_ = score;
        return true;
    }

    // Throws input_error as average().
    void average_into(span<float> mean) const {
        std::vector<span<const float>> arrays(kept_.begin(), kept_.end());
        average(arrays, mean);
    }

    // Best score so far, -infinity before the first; the kept weights, oldest first.
    double best() const noexcept { return best_; }
    const std::deque<std::vector<float>>& kept() const noexcept { return kept_; }
    void restore(double best, std::deque<std::vector<float>> kept) {
        best_ = best;
        kept_ = std::move(kept);
    }

private:
    std::size_t count_;
    double best_ = -std::numeric_limits<double>::infinity();
    std::deque<std::vector<float>> kept_;
};

} // namespace fovea
