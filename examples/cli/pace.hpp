// How fast a long run is and when it will end.
#pragma once

#include "train_log.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>

namespace fovea::cli {

// "0:07", "12:05", "3:04:59"; "-:--" for what is not known.
inline std::string duration_text(double seconds) {
    if (!(seconds >= 0 && seconds < 1e9))
        return "-:--";
    const auto whole = static_cast<long>(std::lround(seconds));
    char text[48];
    if (whole < 3600)
        std::snprintf(text, sizeof text, "%ld:%02ld", whole / 60, whole % 60);
    else
        std::snprintf(text, sizeof text, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
    return text;
}

// Steps and images counted against the clock. What a resumed run did before does not count.
class pace {
public:
    using clock = std::chrono::steady_clock;

    // images: of this step. took: its seconds, without evaluations and other pauses.
    void add_step(std::uint64_t images, double took) noexcept {
        // An average over the last steps, about 50 of them, that starts with the first one.
        const double weight = std::max(1.0 / static_cast<double>(++steps_), 0.02);
        seconds_ += weight * (took - seconds_);
        images_ += weight * (static_cast<double>(images) - images_);
    }

    double images_per_second() const noexcept { return seconds_ > 0 ? images_ / seconds_ : 0; }
    // With evaluations as frequent as they have been; NaN before the first step.
    double seconds_left(std::uint64_t steps_left) const noexcept {
        return steps_ == 0 ? std::nan("")
                           : elapsed() / static_cast<double>(steps_) * static_cast<double>(steps_left);
    }
    // Since this object was made.
    double elapsed() const noexcept { return std::chrono::duration<double>(clock::now() - began_).count(); }

private:
    clock::time_point began_ = clock::now();
    std::uint64_t steps_ = 0;
    double seconds_ = 0, images_ = 0; // of a step, averaged
};

// The words beside the bar: "loss 1.234  152.3 images/s  ends in 12:05  AP 0.412 (AP50 0.803)". Figures that are
// not known (NaN) are left out.
inline std::string training_details(double loss, double first, double second, const pace& p,
                                    std::uint64_t steps_left, const figure_names& names = {}) {
    char text[160];
    std::snprintf(text, sizeof text, "loss %.4g  %.1f images/s  ends in %s", loss, p.images_per_second(),
                  duration_text(p.seconds_left(steps_left)).c_str());
    std::string words = text;
    if (!std::isnan(first)) {
        std::snprintf(text, sizeof text, "  %s %.3f (%s %.3f)", names.first, first, names.second, second);
        words += text;
    }
    return words;
}

} // namespace fovea::cli
