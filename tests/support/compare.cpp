#include "support/compare.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <ostream>
#include <sstream>

namespace fovea::test {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

template <class... Parts>
std::string text(const Parts&... parts) {
    std::ostringstream out;
    out.precision(4);
    (out << ... << parts);
    return out.str();
}

std::string text_of(const shape_type& shape) {
    std::string out = "[";
    for (std::size_t extent : shape)
        out += (out.size() > 1 ? ", " : "") + std::to_string(extent);
    return out + "]";
}

comparison refusal(const std::string& name, std::string why) {
    return {false, infinity, infinity, name + ": " + std::move(why)};
}

bool all_finite(const std::vector<double>& values) {
    return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

// The values that can be compared: all, or the sampled ones in the golden's order.
std::vector<double> compared_values(const golden_output& golden, const array& got) {
    if (golden.full)
        return got.values;
    std::vector<double> picked;
    for (std::size_t index : sample_indices(golden.name, got.values.size(), golden.samples.size()))
        picked.push_back(got.values[index]);
    return picked;
}

comparison compare_integers(const golden_output& golden, const array& got, double allowed_fraction) {
    const std::vector<double>& want = golden.full ? golden.full->values : golden.samples;
    const std::vector<double> have = compared_values(golden, got);
    std::size_t different = 0;
    double largest = 0;
    for (std::size_t i = 0; i < want.size(); ++i) {
        different += have[i] != want[i] ? 1u : 0u;
        largest = std::max(largest, std::abs(have[i] - want[i]));
    }
    const double fraction = static_cast<double>(different) / static_cast<double>(want.size());
    return {fraction <= allowed_fraction, largest, different == 0 ? 0.0 : infinity,
            text(golden.name, ": ", different, " of ", want.size(), " integers differ")};
}

comparison compare_values(const golden_output& golden, const array& got, double atol, double rtol) {
    const std::vector<double>& want = golden.full ? golden.full->values : golden.samples;
    const std::vector<double> have = compared_values(golden, got);
    if (!all_finite(have) && all_finite(want))
        return refusal(golden.name, "has values that are not finite");
    comparison result;
    for (std::size_t i = 0; i < want.size(); ++i) {
        if (have[i] == want[i] || (std::isnan(have[i]) && std::isnan(want[i])))
            continue;
        const double error = std::abs(have[i] - want[i]);
        const double used = error / (atol + rtol * std::abs(want[i]) + 1e-300);
        result.max_error = std::isnan(error) ? infinity : std::max(result.max_error, error);
        result.allowance_used = std::isnan(used) ? infinity : std::max(result.allowance_used, used);
    }
    result.passed = result.allowance_used <= 1;
    result.report = text(golden.name, ": max error ", result.max_error, ", ", result.allowance_used,
                         " of the allowance, ", want.size(), golden.full ? " values" : " samples");
    return result;
}

void compare_statistics(const golden_output& golden, const array& got, double atol, double rtol,
                        comparison& result) {
    const double n = static_cast<double>(got.values.size());
    double sum = 0, squares = 0, spread = 0;
    for (double v : got.values) {
        sum += v;
        squares += v * v;
    }
    for (double v : got.values)
        spread += (v - sum / n) * (v - sum / n);
    const auto [min, max] = std::minmax_element(got.values.begin(), got.values.end());
    const struct {
        const char* name;
        double got, want, atol;
    } statistics[] = {{"mean", sum / n, golden.mean, atol},
                      {"std", std::sqrt(spread / n), golden.std, atol},
                      {"min", *min, golden.min, atol},
                      {"max", *max, golden.max, atol},
                      {"l2", std::sqrt(squares), golden.l2, atol * std::sqrt(n)}};
    for (const auto& s : statistics) {
        const bool within = std::abs(s.got - s.want) <= s.atol + rtol * std::abs(s.want);
        if (!within)
            result.report += text("; ", s.name, " is ", s.got, ", expected ", s.want);
        result.passed = result.passed && within;
    }
}

// A detection that may stand for a golden one, and how far its box is off (the largest of four coordinates).
struct partner {
    std::size_t index;
    double distance;
};

partner find_partner(const golden_detections& golden, std::size_t w, const array& boxes, const array& scores,
                     const array& labels, const std::vector<bool>& used, double score_atol) {
    partner best{used.size(), infinity};
    for (std::size_t g = 0; g < used.size(); ++g) {
        const double apart = std::abs(scores.values[g] - golden.scores.values[w]);
        if (used[g] || labels.values[g] != golden.labels.values[w] || !(apart <= score_atol))
            continue;
        double distance = 0;
        for (std::size_t k = 0; k < 4; ++k)
            distance = std::max(distance, std::abs(boxes.values[4 * g + k] - golden.boxes.values[4 * w + k]));
        if (distance < best.distance)
            best = {g, distance};
    }
    return best;
}

} // namespace

std::ostream& operator<<(std::ostream& stream, const comparison& result) {
    return stream << result.report;
}

comparison compare(const golden_output& golden, const array& got, const tolerance& limits) {
    if (got.shape != golden.shape)
        return refusal(golden.name, "shape " + text_of(got.shape) + ", expected " + text_of(golden.shape));
    if (got.values.size() != element_count(golden.shape))
        return refusal(golden.name, text(got.values.size(), " values for shape ", text_of(golden.shape)));
    if (got.values.empty())
        return {true, 0, 0, golden.name + ": empty"};
    if (golden.integer)
        return compare_integers(golden, got, limits.int_mismatch);
    const double scale = std::max(std::abs(golden.min), std::abs(golden.max));
    const double by_default = golden.noise ? 1e-6 * scale + 20 * *golden.noise : 1e-4 * scale;
    const double atol = limits.atol.value_or(by_default);
    comparison result = compare_values(golden, got, atol, limits.rtol);
    if (!golden.full)
        compare_statistics(golden, got, atol, limits.rtol, result);
    return result;
}

comparison compare(const golden_detections& golden, const array& boxes, const array& scores,
                   const array& labels, const tolerance& limits) {
    const std::size_t wanted = golden.scores.values.size(), given = scores.values.size();
    if (boxes.values.size() != 4 * given || labels.values.size() != given)
        return refusal(golden.name, "boxes, scores and labels of different counts");
    if (wanted == 0)
        return {given == 0, 0, 0, text(golden.name, ": ", given, " detections, expected none")};

    std::vector<bool> used(given, false);
    std::size_t matched = 0;
    double box_error = 0, score_error = 0, allowance_used = 0;
    for (std::size_t w = 0; w < wanted; ++w) {
        const double* box = &golden.boxes.values[4 * w];
        const double side = std::max({box[2] - box[0], box[3] - box[1], 0.0});
        const double allowance = golden.box_atol.value_or(limits.box_atol) + 1e-3 * side;
        const partner found = find_partner(golden, w, boxes, scores, labels, used, limits.score_atol);
        if (found.distance > allowance)
            continue;
        used[found.index] = true;
        ++matched;
        box_error = std::max(box_error, found.distance);
        allowance_used = std::max(allowance_used, found.distance / allowance);
        score_error = std::max(score_error, std::abs(scores.values[found.index] - golden.scores.values[w]));
    }
    const double n = static_cast<double>(wanted);
    const double surplus = std::abs(static_cast<double>(given) - n) / n;
    const bool passed =
        static_cast<double>(matched) / n >= limits.min_match && surplus <= 1 - limits.min_match;
    return {passed, box_error, passed ? allowance_used : infinity,
            text(golden.name, ": ", matched, " of ", wanted, " matched, ", given, " given; box error ",
                 box_error, ", score error ", score_error)};
}

} // namespace fovea::test
