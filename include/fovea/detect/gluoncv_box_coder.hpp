// GluonCV's box coder: offsets relative to an anchor, normalised by means and standard deviations.
#pragma once

#include <fovea/detect/box_coder.hpp>
#include <fovea/detect/center_box.hpp>

#include <cmath>

namespace fovea {

// Source: NormalizedBoxCenterEncoder and -Decoder (gluoncv/nn/coder.py). With means of 0 it is box_coder with
// the weights 1 / std, but for rounding and the limit of growth, which GluonCV does not have by default.
struct gluoncv_box_coder {
    box_offsets stds{0.1F, 0.1F, 0.2F, 0.2F};
    box_offsets means{0, 0, 0, 0};

    // The offsets from which decode() gets `target` back. Not finite for empty anchors or targets.
    box_offsets encode(const box& target, const box& anchor) const noexcept {
        const center_box g = to_center(target), a = to_center(anchor);
        return {((g.cx - a.cx) / a.width - means.dx) / stds.dx,
                ((g.cy - a.cy) / a.height - means.dy) / stds.dy,
                (std::log(g.width / a.width) - means.dw) / stds.dw,
                (std::log(g.height / a.height) - means.dh) / stds.dh};
    }

    // The box that offsets select from an anchor. NaN offsets give NaN coordinates.
    box decode(const box_offsets& offsets, const center_box& anchor) const noexcept {
        const auto scaled = [](float offset, float std, float mean) { return rounded(offset * std) + mean; };
        const float cx = rounded(scaled(offsets.dx, stds.dx, means.dx) * anchor.width) + anchor.cx;
        const float cy = rounded(scaled(offsets.dy, stds.dy, means.dy) * anchor.height) + anchor.cy;
        const float half_width =
            rounded(std::exp(scaled(offsets.dw, stds.dw, means.dw)) * anchor.width * 0.5F);
        const float half_height =
            rounded(std::exp(scaled(offsets.dh, stds.dh, means.dh)) * anchor.height * 0.5F);
        return {cx - half_width, cy - half_height, cx + half_width, cy + half_height};
    }
    box decode(const box_offsets& offsets, const box& anchor) const noexcept {
        return decode(offsets, to_center(anchor));
    }
};

} // namespace fovea
