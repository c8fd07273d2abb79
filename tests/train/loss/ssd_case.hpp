// A batch that an SSD's loss can be tried on: random heads, anchors and objects, some images without any.
#pragma once

#include "data.hpp"

#include <fovea/program/executor.hpp>
#include <fovea/train/target/ground_truth.hpp>

#include <catch2/catch.hpp>

#include <random>
#include <type_traits>
#include <utility>
#include <vector>

namespace fovea::test {

struct ssd_case {
    std::vector<box> anchors;
    std::size_t classes;
    std::vector<std::vector<box>> boxes;
    std::vector<std::vector<int>> labels;
    std::vector<double> logits, offsets; // [images, anchors, classes] and [images, anchors, 4]

    // objects: how many each image has.
    ssd_case(std::size_t anchor_count, std::size_t num_classes, const std::vector<std::size_t>& objects,
             unsigned seed = 1)
        : classes(num_classes), random_(seed) {
        for (std::size_t count : objects) {
            boxes.push_back(draw_boxes(count, 100));
            labels.emplace_back();
            for (std::size_t k = 0; k < count; ++k)
                labels.back().push_back(1 + static_cast<int>(random_() % (num_classes - 1)));
        }
        anchors = draw_boxes(anchor_count, 100);
        for (std::size_t i = 0; i < objects.size(); ++i) // every ninth one close to an object
            for (std::size_t k = 0; k < objects[i]; ++k)
                if (9 * (k + 8 * i) < anchor_count)
                    anchors[9 * (k + 8 * i)] = shifted(boxes[i][k], 2);
        logits = normal_numbers(objects.size() * anchor_count * num_classes, seed + 1, 2);
        offsets = normal_numbers(objects.size() * anchor_count * 4, seed + 2);
    }

    std::vector<ground_truth> targets() const {
        std::vector<ground_truth> all;
        for (std::size_t i = 0; i < boxes.size(); ++i)
            all.push_back({boxes[i], labels[i]});
        return all;
    }

private:
    float uniform(float low, float high) {
        return low + (high - low) * static_cast<float>(random_() >> 8U) / 16777216.0F;
    }

    std::vector<box> draw_boxes(std::size_t count, float image) {
        std::vector<box> drawn;
        for (std::size_t i = 0; i < count; ++i) {
            const float x = uniform(0, image - 10), y = uniform(0, image - 10);
            drawn.push_back({x, y, x + uniform(4, 50), y + uniform(4, 50)});
        }
        return drawn;
    }

    static box shifted(const box& b, float by) { return {b.x1 + by, b.y1 - by, b.x2 + by, b.y2 + by}; }

    std::mt19937 random_;
};

inline std::vector<float> to_float(const std::vector<double>& values) {
    return {values.begin(), values.end()};
}

// What a loss says of a case.
template <class Values>
struct loss_outcome {
    Values values;
    std::vector<float> cls_gradient, box_gradient;
};

template <class Loss>
auto run(Loss& loss, const ssd_case& c, executor& ex) {
    const std::vector<float> logits = to_float(c.logits), offsets = to_float(c.offsets);
    std::vector<float> cls(logits.size(), 9),
        box(offsets.size(), 9); // gradients are written over what is there
    const auto values = loss(logits, offsets, c.targets(), cls, box, ex);
    return loss_outcome<std::decay_t<decltype(values)>>{values, std::move(cls), std::move(box)};
}

template <class Values>
void check_same(const loss_outcome<Values>& got, const loss_outcome<Values>& want) {
    CHECK(got.values.classification == want.values.classification);
    CHECK(got.values.bbox_regression == want.values.bbox_regression);
    CHECK(got.cls_gradient == want.cls_gradient);
    CHECK(got.box_gradient == want.box_gradient);
}

} // namespace fovea::test
