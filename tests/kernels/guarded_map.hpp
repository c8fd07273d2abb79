// Memory for a kernel's output, with guards in front of it and behind it.
#pragma once

#include <fovea/kernels/layer.hpp>

#include <cstddef>
#include <vector>

namespace fovea::test {

class guarded_map {
public:
    explicit guarded_map(const map_layout& layout)
        : channels_(static_cast<std::size_t>(layout.channels)),
          stride_(static_cast<std::size_t>(layout.stride)),
          size_(static_cast<std::size_t>(layout.pixels()) * stride_), floats_(size_ + 2 * guard, untouched) {}

    float* data() noexcept { return floats_.data() + guard; }
    // Whether nothing was written outside of the map.
    bool is_guarded() const {
        bool guarded = true;
        for (std::size_t i = 0; i < guard; ++i)
            guarded = guarded && floats_[i] == untouched && floats_[guard + size_ + i] == untouched;
        return guarded;
    }
    // Without what lies between the channels of two pixels.
    std::vector<float> dense() const {
        std::vector<float> numbers;
        for (std::size_t i = 0; i < size_; ++i)
            if (i % stride_ < channels_)
                numbers.push_back(floats_[guard + i]);
        return numbers;
    }

private:
    static constexpr std::size_t guard = 32;
    static constexpr float untouched = -12345;

    std::size_t channels_, stride_, size_;
    std::vector<float> floats_;
};

} // namespace fovea::test
