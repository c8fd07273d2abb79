// Where in a network numbers stop being numbers: what a training run reports when its loss is NaN or infinite.
#pragma once

#include <fovea/program/training_network.hpp>
#include <fovea/train/optimizer/parameter_groups.hpp>

#include <cmath>
#include <string>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace train_detail {

inline bool all_finite(const float* maps, const batch_layout& l, image_range range) noexcept {
    for (int n = range.first; n < range.last; ++n)
        for (std::ptrdiff_t p = 0; p < l.map.pixels(); ++p)
            for (int c = 0; c < l.map.channels; ++c)
                if (!std::isfinite(maps[n * l.image_stride + p * l.map.stride + c]))
                    return false;
    return true;
}

inline std::string module_of(const training_network& net, int step) {
    return full_name(net.graph().names, net.graph()[net.program().steps[static_cast<std::size_t>(step)].node].name)
        .str();
}

} // namespace train_detail

// The first module, in the order of the passes, that makes of finite numbers some that are not: a sentence for the
// user. Runs the passes of a step again, so running statistics move on once more. The gradients at the outputs must be
// those of the step.
inline std::string find_non_finite(training_network& net, const float* images, std::uint64_t random) {
    for (const training_parameters::placed& p : net.parameters().all()) {
        if (is_buffer(p.what.kind))
            continue; // running statistics follow from what the step computed
        for (float x : net.parameters().values().subspan(p.place, static_cast<std::size_t>(p.what.dims.size())))
            if (!std::isfinite(x))
                return "the parameter '" + key_of(net.graph(), p.what).str() + "' is not finite before the step";
    }
    const shape in = net.shape_of(0);
    for (std::size_t i = 0; i < static_cast<std::size_t>(net.batch()) * in.size(); ++i)
        if (!std::isfinite(images[i]))
            return "image " + std::to_string(i / in.size()) + " of the batch is not finite";
    int first = -1;
    bool in_backward = false;
    net.set_probe([&](int step, bool backward, image_range range, const float* maps, const batch_layout& l) {
        if (first >= 0 || maps == nullptr || train_detail::all_finite(maps, l, range))
            return;
        first = step;
        in_backward = backward;
    });
    net.forward(images, random);
    if (first < 0)
        net.backward();
    net.set_probe(nullptr);
    if (first < 0)
        return "no value of the network, but the loss or a parameter's gradient is not finite";
    const std::string name = train_detail::module_of(net, first);
    return (in_backward ? "the gradient behind '" : "the output of '") + name + "' is the first that is not finite";
}

FOVEA_ARCH_NAMESPACE_END
