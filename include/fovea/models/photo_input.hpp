// How classifiers and detectors run their network on a photo: preprocessed into memory of their own.
#pragma once

#include <fovea/preprocess/apply.hpp>
#include <fovea/program/network.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

class photo_input {
public:
    // One forward pass; says where the photo lies in the network's input. Allocates only for a photo or a
    // plan larger than those before. Throws input_error for an empty photo and for a network that is planned
    // for a batch or for a size that the preset does not make.
    placement forward(network& net, const preset& p, image_view photo) {
        if (net.batch() != 1)
            throw input_error("a photo for a network that is planned for batches of " +
                              std::to_string(net.batch()) + "; expected 1");
        const shape s = net.input_shape();
        if (pixels_.size() != s.size())
            pixels_.resize(s.size());
        const placement where = apply(
            p, photo,
            {pixels_.data(), {static_cast<std::size_t>(s.height), static_cast<std::size_t>(s.width), 3}},
            workspace_);
        net.forward(pixels_.data());
        return where;
    }

private:
    preprocess_workspace workspace_;
    aligned_floats pixels_;
};

FOVEA_ARCH_NAMESPACE_END
