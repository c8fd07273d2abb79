// Checks of option values: ranges that refuse NaN, sizes, names of models; what refuses a value.
#pragma once

#include <fovea/models/zoo.hpp>

#include <CLI/CLI.hpp>

#include <array>
#include <charconv>
#include <sstream>
#include <string>

namespace fovea::cli {

// An option's value that does not fit the rest of the call.
[[noreturn]] inline void refuse(const char* option, const std::string& why) {
    throw CLI::ValidationError(option, why);
}

namespace detail {

template <class Number>
CLI::Validator number_validator(Number least, Number most, const char* kind) {
    std::ostringstream range;
    range << least << " .. " << most;
    const std::string text = std::string(kind) + " in " + range.str();
    return CLI::Validator(
        [=](const std::string& value) {
            Number number{};
            const bool fits = CLI::detail::lexical_cast(value, number) && number >= least && number <= most;
            return fits ? std::string() : "expected " + text + ", found '" + value + "'";
        },
        text);
}

} // namespace detail

inline CLI::Validator number_between(double least, double most) {
    return detail::number_validator(least, most, "a number");
}

inline CLI::Validator integer_between(int least, int most) {
    return detail::number_validator(least, most, "an integer");
}

inline CLI::Validator known_model() {
    return CLI::Validator(
        [](const std::string& name) {
            std::string known;
            bool found = false;
            boost::hana::for_each(zoo, [&](const auto& entry) {
                found = found || entry.name == name;
                known += (known.empty() ? "" : ", ") + std::string(entry.name);
            });
            return found ? std::string() : "no model '" + name + "'; there are " + known;
        },
        "");
}

// "HxW", or "N" for NxN, in pixels: {height, width}.
inline std::array<int, 2> parse_size(const std::string& text) {
    constexpr int most = 8192;
    std::array<int, 2> size{};
    const char* const end = text.data() + text.size();
    auto at = std::from_chars(text.data(), end, size[0]);
    size[1] = size[0];
    if (at.ec == std::errc() && at.ptr != end && *at.ptr == 'x')
        at = std::from_chars(at.ptr + 1, end, size[1]);
    if (at.ec != std::errc() || at.ptr != end || size[0] < 1 || size[1] < 1 || size[0] > most ||
        size[1] > most)
        refuse("--input-size",
               "expected N or HxW of 1 to " + std::to_string(most) + " pixels, found '" + text + "'");
    return size;
}

// "WxH": the shape of an anchor, {width, height}.
inline std::array<double, 2> parse_ratio(const std::string& text) {
    std::array<double, 2> ratio{};
    const char* const end = text.data() + text.size();
    auto at = std::from_chars(text.data(), end, ratio[0]);
    if (at.ec == std::errc() && at.ptr != end && *at.ptr == 'x')
        at = std::from_chars(at.ptr + 1, end, ratio[1]);
    const auto fits = [](double side) { return side >= 0.01 && side <= 100; };
    if (at.ec != std::errc() || at.ptr != end || !fits(ratio[0]) || !fits(ratio[1]))
        refuse("--ratios", "expected WxH with sides of 0.01 to 100, found '" + text + "'");
    return ratio;
}

} // namespace fovea::cli
