// What a checkpoint and a model disagree about, collected so that the user sees all of it at once.
#pragma once

#include <fovea/error.hpp>
#include <fovea/io/shape.hpp>

#include <string>
#include <vector>

namespace fovea {

// Missing, unexpected and mis-shaped keys of a state dict.
class key_report {
public:
    using shape_type = std::vector<std::size_t>;

    void missing(const std::string& key, const shape_type& expected) {
        missing_.push_back(key + " " + detail::shape_text(expected));
    }
    void unexpected(const std::string& key, const shape_type& found) {
        unexpected_.push_back(key + " " + detail::shape_text(found));
    }
    void misshaped(const std::string& key, const shape_type& expected, const shape_type& found) {
        misshaped_.push_back(key + ": expected " + detail::shape_text(expected) + ", found " +
                             detail::shape_text(found));
    }

    // Throws weights_error listing every key, when there is any.
    void throw_if_any() const {
        if (missing_.empty() && unexpected_.empty() && misshaped_.empty())
            return;
        std::string text = "the weights do not fit the model: " + std::to_string(missing_.size()) +
                           " missing, " + std::to_string(unexpected_.size()) + " unexpected, " +
                           std::to_string(misshaped_.size()) + " mis-shaped";
        list(text, "missing", missing_);
        list(text, "unexpected", unexpected_);
        list(text, "mis-shaped", misshaped_);
        throw weights_error(text);
    }

private:
    static void list(std::string& text, const char* what, const std::vector<std::string>& keys) {
        for (const std::string& key : keys)
            text += std::string("\n  ") + what + ": " + key;
    }

    std::vector<std::string> missing_, unexpected_, misshaped_;
};

} // namespace fovea
