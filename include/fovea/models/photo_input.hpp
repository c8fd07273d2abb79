// How classifiers and detectors run their network on a photo: preprocessed into memory of their own.
#pragma once

#include <fovea/preprocess/apply.hpp>
#include <fovea/program/network.hpp>

#include <type_traits>
#include <vector>

FOVEA_ARCH_NAMESPACE_BEGIN

class photo_input {
public:
    // One forward pass by the network's executor; says where the photo lies in the network's input. Allocates
    // only for a photo or a plan larger than those before. Throws input_error for an empty photo and for a
    // network that is planned for a batch or for a size that the preset does not make.
    placement forward(network& net, const preset& p, image_view photo) {
        if (net.batch() != 1)
            throw input_error("a photo for a network that is planned for batches of " +
                              std::to_string(net.batch()) + "; expected 1");
        return ends_in_bytes(p) ? forward(net, p, photo, bytes_) : forward(net, p, photo, floats_);
    }

private:
    template <class T>
    placement forward(network& net, const preset& p, image_view photo, std::vector<T>& pixels) {
        const shape s = net.input_shape();
        if (pixels.size() != s.size())
            pixels.resize(s.size());
        const view<T, 3> output(pixels.data(),
                                {static_cast<std::size_t>(s.height), static_cast<std::size_t>(s.width), 3});
        if constexpr (std::is_same_v<T, std::uint8_t>) {
            const placement where = apply(p, photo, output, workspace_);
            net.forward(pixels.data(), scaling_of(p));
            return where;
        } else {
            sequential_executor sequential;
            executor& ex = net.runs_on() == nullptr ? sequential : *net.runs_on();
            const placement where = apply(p, photo, output, workspace_, ex);
            net.forward(pixels.data());
            return where;
        }
    }

    preprocess_workspace workspace_;
    std::vector<std::uint8_t> bytes_; // of presets that end in bytes
    std::vector<float> floats_;       // of the others
};

FOVEA_ARCH_NAMESPACE_END
