// Gradients of a training network against a golden: parameters, running statistics and the input.
#pragma once

#include "support/golden.hpp"
#include "support/layout.hpp"

#include <fovea/program/runtime_training_program.hpp>
#include <fovea/program/training_network.hpp>

#include <catch2/catch.hpp>

#include <cstring>
#include <string>
#include <vector>

namespace fovea::test {

// Parameters that a golden draws for a graph; `prefix` in front of its names in the streams.
inline state_dict training_weights(graph_view g, const std::string& prefix, const fill_gain& gain = {}) {
    std::vector<named_shape> entries;
    detail::for_each_flat(g, [&](const parameter& p, std::size_t) {
        entries.push_back({key_of(g, p).str(), detail::extents_of(p)});
    });
    state_dict weights;
    for (const named_tensor& t : fill_state_dict(entries, gain, prefix))
        weights.insert({t.name, dtype::float32, t.shape, t.values});
    return weights;
}

inline std::vector<float> to_batch(const array& nchw) {
    std::vector<float> images;
    for (std::size_t n = 0; n < nchw.shape.at(0); ++n) {
        const std::vector<float> image = image_of<float>(nchw, n);
        images.insert(images.end(), image.begin(), image.end());
    }
    return images;
}

// The gradient of a network's input as an NCHW batch.
inline array input_gradient_of(const training_network& net) {
    const batch_layout l = net.input_layout();
    array batch = make_batch(static_cast<std::size_t>(net.batch()), net.shape_of(0));
    for (int n = 0; n < net.batch(); ++n) {
        std::vector<float> image;
        for (int p = 0; p < l.map.pixels(); ++p) {
            const float* pixel = net.input_gradient().data() + n * l.image_stride + p * l.map.stride;
            image.insert(image.end(), pixel, pixel + l.map.channels);
        }
        put_image(batch, static_cast<std::size_t>(n), image);
    }
    return batch;
}

// One parameter's gradient, or one buffer, by key.
inline array numbers_of(training_network& net, const std::string& key, bool gradient) {
    for (const training_parameters::placed& p : net.parameters().all())
        if (key_of(net.graph(), p.what).view() == key) {
            const auto all = gradient ? net.parameters().gradients() : net.parameters().buffers();
            const auto part = all.subspan(p.place, static_cast<std::size_t>(p.what.dims.size()));
            return {detail::extents_of(p.what), std::vector<float>(part.begin(), part.end())};
        }
    FAIL("no parameter " << key);
    return {};
}

// Every gradient and running statistic that the golden names; `prefix` is what its names have in front of ours.
inline int check_gradients(const golden_case& golden, training_network& net, const std::string& prefix = {}) {
    int checked = 0;
    for (const golden_output& expected : golden.outputs)
        for (const std::string kind : {"grad.", "after."}) {
            if (expected.name.rfind(kind + prefix, 0) != 0)
                continue;
            INFO(golden.name << " " << expected.name);
            CHECK(compare(expected, numbers_of(net, expected.name.substr(kind.size() + prefix.size()), kind == "grad.")));
            ++checked;
        }
    return checked;
}

// Copies an upstream gradient to an output's place: rows as they are, maps from NCHW.
inline void set_output_gradient(training_network& net, std::size_t output, const array& upstream) {
    const std::vector<float> numbers = net.graph().outputs[output].arrangement == layout::map
                                           ? to_batch(upstream)
                                           : std::vector<float>(upstream.values.begin(), upstream.values.end());
    REQUIRE(numbers.size() == net.output_gradient(output).size());
    std::copy(numbers.begin(), numbers.end(), net.output_gradient(output).begin());
}

} // namespace fovea::test
