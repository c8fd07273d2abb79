// Deterministic weights, inputs and images for tests: every number follows from a name by integer arithmetic,
// so goldens of whole models need no weight file. tests/golden/make_goldens.py draws the same numbers in
// Python.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fovea::test {

using shape_type = std::vector<std::size_t>;

// Number of elements of a dense array; 1 for a scalar (empty shape).
std::size_t element_count(const shape_type& shape);

// FNV-1a of the bytes of `name`: the seed of its stream.
std::uint64_t fnv1a64(std::string_view name);

// The first `count` outputs of splitmix64 seeded with fnv1a64(name).
std::vector<std::uint64_t> stream(std::string_view name, std::size_t count);

// The top 24 bits of each stream output as a number in [0, 1), exact in float.
std::vector<double> uniform(std::string_view name, std::size_t count);

// The positions (with repetition) at which a golden keeps the values of an output of `size` elements.
std::vector<std::size_t> sample_indices(std::string_view output_name, std::size_t size,
                                        std::size_t count = 64);

// One entry of a state dict. Scalars have an empty shape.
struct named_shape {
    std::string name;
    shape_type shape;
};

// An entry with its values, row-major. num_batches_tracked is kept as one float 0.
struct named_tensor {
    std::string name;
    shape_type shape;
    std::vector<float> values;
};

// Factor on the magnitude of weights of two or more dimensions, by the longest prefix that a name starts
// with.
struct fill_gain {
    double gain = 1.0;
    std::vector<std::pair<std::string, double>> by_prefix = {};

    double of(std::string_view name) const;
};

// Values of the state-dict entry `name`, drawn from the stream prefix + name and scaled by what the name says
// it is: running statistics, norm scales, weights (uniform, variance 2 gain^2 / fan_in), fusion weights,
// gammas or biases. has_norm_weight: the same module owns a 1-D "weight", so that a "bias" is the beta of a
// norm layer.
std::vector<float> fill_value(std::string_view name, const shape_type& shape, bool has_norm_weight = false,
                              double gain = 1.0, std::string_view prefix = "");

// fill_value for every entry of a model, in order; has_norm_weight follows from the other entries.
std::vector<named_tensor> fill_state_dict(const std::vector<named_shape>& entries, const fill_gain& gain = {},
                                          std::string_view prefix = "");

// Ranges of network inputs: normalised images (-2, 2), mean-subtracted pixels (-128, 128), images in [0, 1).
enum class input_rule { sym2, pixel, unit };

// "sym2", "pixel" or "unit", as written in a manifest. Throws std::invalid_argument for any other word.
input_rule parse_input_rule(std::string_view word);

// An input of the given shape from the stream prefix + name.
std::vector<float> fill_input(const shape_type& shape, input_rule rule = input_rule::sym2,
                              std::string_view name = "input", std::string_view prefix = "");

// A photo-like RGB image [height, width, 3]: gradient, 24 shaded rectangles and ellipses, noise. height,
// width >= 4.
std::vector<std::uint8_t> scene(std::string_view name, std::size_t height, std::size_t width);

} // namespace fovea::test
