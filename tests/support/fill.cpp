// Compiled with -ffp-contract=off: a fused multiply-add would change the last bit of some values.
#include "support/fill.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <set>
#include <stdexcept>

namespace fovea::test {
namespace {

constexpr std::string_view weight_suffix = "weight", bias_suffix = "bias";

bool ends_with(std::string_view text, std::string_view end) {
    return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

bool starts_with(std::string_view text, std::string_view begin) {
    return text.substr(0, begin.size()) == begin;
}

std::string joined(std::string_view prefix, std::string_view name) {
    return std::string(prefix).append(name);
}

// p<digit>_w<digit>: the fusion weights of a BiFPN node.
bool is_fusion_weight(std::string_view s) {
    const auto digit = [](char c) { return c >= '0' && c <= '9'; };
    return s == "edge_weights" ||
           (s.size() == 5 && s[0] == 'p' && digit(s[1]) && s[2] == '_' && s[3] == 'w' && digit(s[4]));
}

// value = factor * (scale * u + offset), in double.
struct affine_rule {
    double factor, scale, offset;
};

affine_rule rule_for(std::string_view name, const shape_type& shape, bool has_norm_weight, double gain) {
    const auto dot = name.rfind('.');
    const std::string_view last = dot == std::string_view::npos ? name : name.substr(dot + 1);
    const std::string_view owner = dot == std::string_view::npos ? std::string_view() : name.substr(0, dot);
    if (last == "running_mean")
        return {0.2, 2.0, -1.0};
    if (last == "running_var")
        return {1.0, 1.0, 0.5};
    if (last == "scale_weight" || last == "normalize_scale" || ends_with(owner, "norm_scale"))
        return {20.0, 0.5, 0.75};
    if (shape.size() >= 2) {
        const double fan_in = static_cast<double>(element_count({std::next(shape.begin()), shape.end()}));
        return {std::sqrt(6.0 / fan_in) * gain, 2.0, -1.0};
    }
    if (is_fusion_weight(last))
        return {1.0, 1.2, -0.1};
    if (last == weight_suffix)
        return {1.0, 0.5, 0.75};
    if (last == bias_suffix && has_norm_weight)
        return {0.2, 2.0, -1.0};
    return {0.1, 2.0, -1.0};
}

using pixel_row = std::int64_t[3];

// One rectangle or ellipse of a scene from nine numbers of its stream.
struct scene_shape {
    bool ellipse;
    std::int64_t cx, cy, rx, ry, colour[3], step;

    scene_shape(const std::uint64_t* q, std::size_t height, std::size_t width)
        : ellipse((q[0] & 1) != 0), cx(static_cast<std::int64_t>(q[1] % width)),
          cy(static_cast<std::int64_t>(q[2] % height)), rx(4 + static_cast<std::int64_t>(q[3] % (width / 4))),
          ry(4 + static_cast<std::int64_t>(q[4] % (height / 4))),
          colour{static_cast<std::int64_t>(q[5] % 256), static_cast<std::int64_t>(q[6] % 256),
                 static_cast<std::int64_t>(q[7] % 256)},
          step(static_cast<std::int64_t>(q[8] % 64)) {}

    void paint(std::int64_t x, std::int64_t y, pixel_row& pixel) const {
        const std::int64_t dx = x - cx, dy = y - cy;
        const bool inside = ellipse ? dx * dx * ry * ry + dy * dy * rx * rx <= rx * rx * ry * ry
                                    : std::abs(dx) <= rx && std::abs(dy) <= ry;
        if (!inside)
            return;
        const std::int64_t product = (dx + dy) * step;
        const std::int64_t shade = (product - (product % 16 + 16) % 16) / 16; // floor division
        for (std::size_t c = 0; c < 3; ++c)
            pixel[c] = (colour[c] + shade) & 255;
    }
};

} // namespace

std::size_t element_count(const shape_type& shape) {
    std::size_t count = 1;
    for (std::size_t extent : shape)
        count *= extent;
    return count;
}

std::uint64_t fnv1a64(std::string_view name) {
    std::uint64_t hash = 0xcbf29ce484222325u;
    for (char c : name)
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    return hash;
}

std::vector<std::uint64_t> stream(std::string_view name, std::size_t count) {
    std::vector<std::uint64_t> values(count);
    std::uint64_t state = fnv1a64(name);
    for (std::uint64_t& value : values) {
        std::uint64_t z = state += 0x9e3779b97f4a7c15u;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        value = z ^ (z >> 31);
    }
    return values;
}

std::vector<double> uniform(std::string_view name, std::size_t count) {
    std::vector<double> values;
    values.reserve(count);
    for (std::uint64_t x : stream(name, count))
        values.push_back(static_cast<double>(x >> 40) * 0x1p-24);
    return values;
}

std::vector<std::size_t> sample_indices(std::string_view output_name, std::size_t size, std::size_t count) {
    std::vector<std::size_t> indices;
    if (size == 0)
        return indices;
    for (std::uint64_t x : stream(joined("sample:", output_name), count))
        indices.push_back(static_cast<std::size_t>(x % size));
    return indices;
}

double fill_gain::of(std::string_view name) const {
    double found = gain;
    std::size_t longest = 0;
    for (const auto& [prefix, value] : by_prefix)
        if (starts_with(name, prefix) && prefix.size() >= longest) {
            longest = prefix.size();
            found = value;
        }
    return found;
}

std::vector<float> fill_value(std::string_view name, const shape_type& shape, bool has_norm_weight,
                              double gain, std::string_view prefix) {
    const std::size_t count = element_count(shape);
    if (name == "num_batches_tracked" || ends_with(name, ".num_batches_tracked"))
        return std::vector<float>(count, 0.0f);
    const affine_rule rule = rule_for(name, shape, has_norm_weight, gain);
    std::vector<float> values;
    values.reserve(count);
    for (double u : uniform(joined(prefix, name), count))
        values.push_back(static_cast<float>((rule.scale * u + rule.offset) * rule.factor));
    return values;
}

std::vector<named_tensor> fill_state_dict(const std::vector<named_shape>& entries, const fill_gain& gain,
                                          std::string_view prefix) {
    std::set<std::string> vectors; // names of the 1-D entries
    for (const named_shape& entry : entries)
        if (entry.shape.size() == 1)
            vectors.insert(entry.name);
    std::vector<named_tensor> filled;
    filled.reserve(entries.size());
    for (const auto& [name, shape] : entries) {
        const std::string owner =
            ends_with(name, bias_suffix) ? name.substr(0, name.size() - bias_suffix.size()) : "";
        const bool norm = ends_with(name, bias_suffix) && vectors.count(joined(owner, weight_suffix)) != 0;
        filled.push_back({name, shape, fill_value(name, shape, norm, gain.of(name), prefix)});
    }
    return filled;
}

input_rule parse_input_rule(std::string_view word) {
    if (word == "sym2")
        return input_rule::sym2;
    if (word == "pixel")
        return input_rule::pixel;
    if (word == "unit")
        return input_rule::unit;
    throw std::invalid_argument("input rule: expected sym2, pixel or unit, got " + std::string(word));
}

std::vector<float> fill_input(const shape_type& shape, input_rule rule, std::string_view name,
                              std::string_view prefix) {
    std::vector<float> values;
    values.reserve(element_count(shape));
    for (double u : uniform(joined(prefix, name), element_count(shape))) {
        const double symmetric = 2.0 * u - 1.0;
        values.push_back(static_cast<float>(rule == input_rule::unit   ? u
                                            : rule == input_rule::sym2 ? symmetric * 2.0
                                                                       : symmetric * 128.0));
    }
    return values;
}

std::vector<std::uint8_t> scene(std::string_view name, std::size_t height, std::size_t width) {
    constexpr std::size_t background = 6, numbers_a_shape = 9, shape_count = 24;
    const auto draws = stream(joined("scene:", name), background + shape_count * numbers_a_shape);
    const auto noise = stream(joined("scene-noise:", name), height * width * 3);
    std::vector<scene_shape> shapes;
    for (std::size_t k = 0; k < shape_count; ++k)
        shapes.emplace_back(&draws[background + k * numbers_a_shape], height, width);

    std::vector<std::uint8_t> image;
    image.reserve(height * width * 3);
    for (std::size_t y = 0; y < height; ++y)
        for (std::size_t x = 0; x < width; ++x) {
            pixel_row pixel;
            for (std::size_t c = 0; c < 3; ++c)
                pixel[c] = static_cast<std::int64_t>(
                    (draws[c] % 256 * x / width + draws[3 + c] % 256 * y / height) / 2 + 32);
            for (const scene_shape& shape : shapes)
                shape.paint(static_cast<std::int64_t>(x), static_cast<std::int64_t>(y), pixel);
            for (std::size_t c = 0; c < 3; ++c) {
                const auto grain = static_cast<std::int64_t>(noise[image.size()] % 17) - 8;
                image.push_back(
                    static_cast<std::uint8_t>(std::clamp<std::int64_t>(pixel[c] + grain, 0, 255)));
            }
        }
    return image;
}

} // namespace fovea::test
