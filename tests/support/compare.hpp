// When an output agrees with a golden one: the rules every comparison of numbers in the tests goes through.
#pragma once

#include "support/fill.hpp"

#include <cstddef>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

namespace fovea::test {

// Numbers with a shape, row-major; integers are exact up to 2^53.
struct array {
    shape_type shape;
    std::vector<double> values;

    array() = default;
    template <class T>
    array(shape_type s, const std::vector<T>& v) : shape(std::move(s)), values(v.begin(), v.end()) {}
};

// What a golden keeps of one output: all values (`full`), or 64 sampled ones and statistics.
struct golden_output {
    std::string name;
    shape_type shape;
    bool integer = false;
    double mean = 0, std = 0, min = 0, max = 0, l2 = 0; // std of the population
    std::vector<double> samples;                        // at sample_indices(name, size, samples.size())
    std::optional<double> noise; // largest distance of the reference's float32 run from its float64 run
    std::optional<array> full;
};

// Boxes [count, 4] in pixels, scores and labels [count], compared as a set.
struct golden_detections {
    std::string name;
    array boxes, scores, labels;
    std::optional<double> box_atol;
};

// A value passes within atol + rtol * |golden|. Without atol: 1e-6 * scale + 20 * noise where the golden
// knows the noise of its reference, else 1e-4 * scale; scale is the largest magnitude of the golden output.
struct tolerance {
    double rtol = 1e-4;
    std::optional<double> atol;
    double int_mismatch = 0;  // fraction of integers that may differ
    double box_atol = 0.1;    // pixels, plus 1e-3 of the longest side of the box
    double score_atol = 2e-3; // absolute
    double min_match = 0.97;  // fraction of golden detections that need a partner
};

// Outcome with a sentence for the reader of a failed test. Usable as CHECK(compare(...)).
struct comparison {
    bool passed = false;
    double max_error = 0;
    double allowance_used = 0; // largest error over its allowance; above 1 is a failure
    std::string report;

    explicit operator bool() const { return passed; }
};
std::ostream& operator<<(std::ostream& stream, const comparison& result);

comparison compare(const golden_output& golden, const array& got, const tolerance& limits = {});
comparison compare(const golden_detections& golden, const array& boxes, const array& scores,
                   const array& labels, const tolerance& limits = {});

} // namespace fovea::test
