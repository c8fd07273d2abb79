// What the tests of whole models share: goldens by case, weights for a graph, forward passes of NCHW batches.
#pragma once

#include "support/golden.hpp"
#include "support/layout.hpp"

#include <fovea/fovea.hpp>
#if FOVEA_TEST_IMAGES
#include <fovea/io/image.hpp>
#endif
#include <fovea/program/runtime_program.hpp>

#include <catch2/catch.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace fovea::test {

inline const std::filesystem::path shared_data = std::filesystem::path(FOVEA_SHARED_DIR) / "data";

// A golden's photo: "scene:<name>:<height>x<width>" is drawn, "photo:<file>" is read where it exists.
inline std::optional<image> photo_of(const golden_case& golden) {
    const golden_input& input = golden.inputs.at(0);
    image photo(input.shape.at(1), input.shape.at(0));
    const std::size_t colon = input.image.find(':');
    const std::string rest = input.image.substr(colon + 1);
    if (input.image.substr(0, colon) == "scene") {
        photo.pixels = scene(rest.substr(0, rest.find(':')), photo.height, photo.width);
        return photo;
    }
#if FOVEA_TEST_IMAGES
    if (std::filesystem::exists(shared_data / "photos" / rest))
        return read_image(shared_data / "photos" / rest);
#endif
    return std::nullopt;
}

// boxes [count, 4], scores and labels [count] of detections. `first_label`: the one that the golden calls 0.
struct detection_arrays {
    array boxes, scores, labels;

    explicit detection_arrays(span<const detection> found, int first_label = 0) {
        boxes.shape = {found.size(), 4};
        scores.shape = labels.shape = {found.size()};
        for (const detection& d : found) {
            for (float side : {d.box.x1, d.box.y1, d.box.x2, d.box.y2})
                boxes.values.push_back(static_cast<double>(side));
            scores.values.push_back(static_cast<double>(d.score));
            labels.values.push_back(d.label - first_label);
        }
    }
};

// Names and shapes of a graph's state dict, in torch's order when the graph has it.
inline std::vector<named_shape> state_entries(graph_view g) {
    std::vector<named_shape> entries;
    for_each_parameter(g, [&](const parameter& p) {
        shape_type extents;
        for (int i = 0; i < p.dims.rank; ++i)
            extents.push_back(static_cast<std::size_t>(p.dims.extents[static_cast<std::size_t>(i)]));
        entries.push_back({key_of(g, p).str(), extents});
    });
    return entries;
}

inline state_dict to_state_dict(const std::vector<named_tensor>& parameters) {
    state_dict weights;
    for (const named_tensor& p : parameters)
        weights.insert({p.name, dtype::float32, p.shape, p.values});
    return weights;
}

// The weights that a golden case draws for a graph.
inline state_dict weights_of(const golden_case& golden, graph_view g) {
    return to_state_dict(golden.parameters(state_entries(g)));
}

// An NCHW batch as forward() takes it.
inline std::vector<float> to_nhwc(const array& batch) {
    std::vector<float> images;
    for (std::size_t n = 0; n < batch.shape.at(0); ++n) {
        const std::vector<float> image = image_of<float>(batch, n);
        images.insert(images.end(), image.begin(), image.end());
    }
    return images;
}

// Plans for the batch and runs it.
inline void forward(network& net, const array& batch, bool keep_values = false) {
    const shape s = image_shape(batch.shape);
    net.plan(static_cast<int>(batch.shape.at(0)), s.height, s.width, keep_values);
    net.forward(to_nhwc(batch).data());
}

// Output i with the shape of the golden's: [N, C], [N, anchors, row] or, from maps, [N, C, H, W].
inline array output_of(const network& net, std::size_t i, const shape_type& extents) {
    const span<const float> numbers = net.output(i);
    const std::vector<float> values(numbers.begin(), numbers.end());
    if (net.program().graph.outputs[i].arrangement != layout::map)
        return {extents, values};
    array batch{extents, std::vector<double>(values.size())};
    const std::size_t image = values.size() / extents.at(0);
    for (std::size_t n = 0; n < extents.at(0); ++n)
        put_image(batch, n,
                  std::vector<float>(values.begin() + static_cast<std::ptrdiff_t>(n * image),
                                     values.begin() + static_cast<std::ptrdiff_t>((n + 1) * image)));
    return batch;
}

// The value of node `i` after a forward pass that kept values, as image 0 of an NCHW batch.
inline array value_of(const network& net, node_id i) {
    array batch = make_batch(1, net.shape_of(i));
    bool found = false;
    net.for_each_value([&](node_id node, const float* map, const map_layout& m) {
        if (node != i)
            return;
        std::vector<float> image;
        for (int p = 0; p < m.pixels(); ++p)
            image.insert(image.end(), map + p * m.stride, map + p * m.stride + m.channels);
        put_image(batch, 0, image);
        found = true;
    });
    REQUIRE(found);
    return batch;
}

// The last node whose module name is `name` or inside it.
inline node_id last_node_of(graph_view g, const std::string& name) {
    node_id last = -1;
    for (node_id i = 0; i < g.size(); ++i) {
        const std::string full = full_name(g.names, g[i].name).str();
        if (full == name || full.compare(0, name.size() + 1, name + ".") == 0)
            last = i;
    }
    return last;
}

} // namespace fovea::test
