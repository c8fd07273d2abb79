// What a step does, in words: steps of the same words and maps are the same work.
#pragma once

#include <fovea/kernels/layer.hpp>

#include <string>

namespace fovea::benchmarks {

inline std::string text(const map_layout& m) {
    return std::to_string(m.height) + "x" + std::to_string(m.width) + "x" + std::to_string(m.channels);
}

inline std::string text(const window& w, activation act) {
    std::string t = std::to_string(w.kernel_height) + "x" + std::to_string(w.kernel_width);
    if (w.stride_height > 1)
        t += " /" + std::to_string(w.stride_height);
    if (w.dilation > 1)
        t += " dilation " + std::to_string(w.dilation);
    return t + " " + std::string(name_of(act));
}

// "3x3 /2 relu gate residual"; of a block all its convolutions with the channels between them, "1x1 relu ->
// 3x3 relu (72) -> 1x1 identity".
inline std::string text(const step& s, const layer& l) {
    std::string t;
    for (const inner_layer& inner : {l.expand, l.depthwise})
        if (inner.exists())
            t += text(inner.win, inner.act) + " (" + std::to_string(inner.out.channels) + ") -> ";
    t += text(l.win, l.act);
    return t + (s.gate >= 0 ? " gate" : "") + (s.residual >= 0 ? " residual" : "") +
           (s.pool >= 0 ? " pool" : "");
}

} // namespace fovea::benchmarks
