// A training kernel without weights of a window, run over a batch in any ranges on any executor: what the
// tests of norms, elementwise operators and pools are made of.
#pragma once

#include <fovea/graph/training_steps.hpp>
#include <fovea/kernels/training_kernel.hpp>
#include <fovea/program/memory.hpp>

#include "support/executors.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

namespace fovea::test {

// Numbers of a batch, dense: [images, height, width, channels].
using batch_numbers = std::vector<double>;

// Maps in memory as the arena has them: padded channels, and a gap between images. Both hold large numbers
// that must not reach a real channel; gaps must stay as they are.
class padded_batch {
public:
    padded_batch(int images, shape s, const batch_numbers& numbers = {}) : shape_(s), images_(images) {
        layout_.map = {s.height, s.width, s.channels, padded_channels(s.channels)};
        layout_.image_stride = static_cast<std::ptrdiff_t>(layout_.map.pixels()) * layout_.map.stride + gap;
        floats_.assign(static_cast<std::size_t>(images * layout_.image_stride), untouched);
        for (std::size_t i = 0; i < numbers.size(); ++i)
            floats_[place(i)] = static_cast<float>(numbers[i]);
    }

    const batch_layout& layout() const { return layout_; }
    float* data() { return floats_.data(); }
    const float* data() const { return floats_.data(); }
    batch_numbers numbers() const {
        batch_numbers all(static_cast<std::size_t>(images_) * shape_.size());
        for (std::size_t i = 0; i < all.size(); ++i)
            all[i] = static_cast<double>(floats_[place(i)]);
        return all;
    }
    bool gaps_are_untouched() const {
        for (std::size_t n = 1; n <= static_cast<std::size_t>(images_); ++n)
            for (std::size_t i = 1; i <= gap; ++i)
                if (floats_[n * static_cast<std::size_t>(layout_.image_stride) - i] != untouched)
                    return false;
        return true;
    }
    bool is_finite() const {
        return std::all_of(floats_.begin(), floats_.end(), [](float x) { return std::isfinite(x); });
    }

private:
    static constexpr int gap = 16;
    static constexpr float untouched = 1e15F;

    std::size_t place(std::size_t i) const {
        const auto channels = static_cast<std::size_t>(shape_.channels);
        return i / shape_.size() * static_cast<std::size_t>(layout_.image_stride) +
               i % shape_.size() / channels * static_cast<std::size_t>(layout_.map.stride) + i % channels;
    }

    shape shape_;
    int images_;
    batch_layout layout_;
    std::vector<float> floats_;
};

// Exact floats in (-scale, scale), the same in every run.
inline batch_numbers random_batch(std::size_t count, double scale = 1) {
    static std::minstd_rand generator;
    batch_numbers numbers(count);
    for (double& x : numbers)
        x = (static_cast<double>(generator() % 65536) / 32768 - 1) * scale;
    return numbers;
}

inline std::vector<float> to_float(const batch_numbers& numbers) {
    return std::vector<float>(numbers.begin(), numbers.end());
}

// What a step reads and how its gradients are wanted. Sizes of one image: in, second (channels 0: none), out;
// a third map has the size of the input.
struct map_problem {
    training_kernel kernel;
    training_layer layer; // all but images and maps
    int images = 1;
    shape in{}, second{}, out{};
    batch_numbers input, second_numbers, third_numbers, output_gradient;
    std::vector<float> weight, bias, running_mean, running_var; // of norms; of weighted sums `weight` alone
    float momentum = 0.1F;
    double batches = 0;
    bool uses_running = false;
    std::uint64_t random = 0;
    // Gradients are added to `before`, where it is not empty; in_place writes the input's over the output's.
    batch_numbers input_before, second_before, third_before;
    bool in_place = false;
};

struct map_results {
    batch_numbers output, input_gradient, second_gradient, third_gradient;
    std::vector<float> weight_gradient, bias_gradient, running_mean, running_var;

    friend bool operator==(const map_results& a, const map_results& b) {
        return a.output == b.output && a.input_gradient == b.input_gradient &&
               a.second_gradient == b.second_gradient && a.third_gradient == b.third_gradient &&
               a.weight_gradient == b.weight_gradient && a.bias_gradient == b.bias_gradient &&
               a.running_mean == b.running_mean && a.running_var == b.running_var;
    }
};

// Forward and backward in ranges of `at_once` images.
inline map_results run_pair(const map_problem& p, executor& ex, int at_once) {
    const padded_batch input(p.images, p.in, p.input), second(p.images, p.second, p.second_numbers);
    padded_batch output(p.images, p.out), output_gradient(p.images, p.out, p.output_gradient);
    padded_batch input_gradient(p.images, p.in, p.input_before),
        second_gradient(p.images, p.second, p.second_before);
    const bool has_third = !p.third_numbers.empty();
    const padded_batch third(p.images, has_third ? p.in : shape{}, p.third_numbers);
    padded_batch third_gradient(p.images, has_third ? p.in : shape{}, p.third_before);
    map_results r;
    r.running_mean = p.running_mean;
    r.running_var = p.running_var;
    r.weight_gradient.assign(p.weight.size(), 0.5F); // gradients of parameters are added
    r.bias_gradient = r.weight_gradient;

    training_layer l = p.layer;
    l.images = p.images;
    l.in = input.layout();
    l.out = output.layout();
    if (p.second.channels > 0)
        l.second = second.layout();
    if (has_third)
        l.third = third.layout();
    const auto or_null = [](auto& v) { return v.empty() ? nullptr : v.data(); };
    training_operands o;
    o.input = input.data();
    o.second = p.second.channels > 0 ? second.data() : nullptr;
    o.third = has_third ? third.data() : nullptr;
    o.output = output.data();
    o.weight = or_null(p.weight);
    o.bias = or_null(p.bias);
    o.running_mean = or_null(r.running_mean);
    o.running_var = or_null(r.running_var);
    o.momentum = p.momentum;
    o.batches = p.batches;
    o.uses_running = p.uses_running;
    o.random = p.random;
    o.weight_gradient = or_null(r.weight_gradient);
    o.bias_gradient = or_null(r.bias_gradient);

    constexpr std::size_t guard = 32;
    constexpr float untouched = -12345;
    const std::size_t saved_floats = p.kernel.saved_floats(l);
    const std::size_t scratch_floats = p.kernel.scratch_floats(l, at_once, ex.concurrency());
    const std::size_t packed_floats = p.kernel.packed_floats(l);
    std::vector<float> saved(saved_floats + guard, untouched), scratch(scratch_floats + guard, untouched),
        packed(packed_floats + guard, untouched);
    o.packed = packed.data();
    o.saved = saved.data();
    o.scratch = scratch.data();
    const auto for_each_range = [&](training_kernel::range_call call) {
        for (int first = 0; call != nullptr && first < p.images; first += at_once)
            call(l, o, {first, std::min(p.images, first + at_once)}, ex);
    };
    const auto whole = [&](training_kernel::call call) {
        if (call != nullptr)
            call(l, o, ex);
    };
    whole(p.kernel.prepare_forward);
    for_each_range(p.kernel.reduce);
    whole(p.kernel.finish);
    for_each_range(p.kernel.forward);
    r.output = output.numbers();

    // The backward pass reads what the plan keeps for it.
    const bool reads_others = backward_reads_others(l.kind, l.act, l.factors);
    o.input = backward_reads_input(l.kind, l.act, l.factors) ? o.input : nullptr;
    o.second = reads_others ? o.second : nullptr;
    o.third = reads_others ? o.third : nullptr;
    o.output = nullptr;
    o.output_gradient = output_gradient.data();
    o.input_gradient = p.in_place ? output_gradient.data() : input_gradient.data();
    o.adds_input = !p.input_before.empty();
    o.second_gradient = p.second.channels > 0 ? second_gradient.data() : nullptr;
    o.adds_second = !p.second_before.empty();
    o.third_gradient = has_third ? third_gradient.data() : nullptr;
    o.adds_third = !p.third_before.empty();
    std::fill(scratch.begin(), scratch.end(), untouched);
    std::fill(packed.begin(), packed.end(), untouched);
    whole(p.kernel.prepare_backward);
    for_each_range(p.kernel.reduce_backward);
    whole(p.kernel.finish_backward);
    for_each_range(p.kernel.backward);
    r.input_gradient = p.in_place ? output_gradient.numbers() : input_gradient.numbers();
    if (p.second.channels > 0)
        r.second_gradient = second_gradient.numbers();
    if (has_third)
        r.third_gradient = third_gradient.numbers();

    bool guarded = true;
    for (std::size_t i = 0; i < guard; ++i)
        guarded = guarded && saved[saved_floats + i] == untouched &&
                  scratch[scratch_floats + i] == untouched && packed[packed_floats + i] == untouched;
    CHECK(guarded);
    for (const padded_batch* batch :
         {&output, &input_gradient, &second_gradient, &third_gradient, &output_gradient}) {
        CHECK(batch->gaps_are_untouched());
        CHECK(batch->is_finite());
    }
    return r;
}

// |got - expected| <= relative * (|expected| + scale) everywhere, scale being the largest magnitude expected.
template <class Got>
void check_close(const char* what, const Got& got, const batch_numbers& expected, double relative) {
    INFO(what);
    REQUIRE(got.size() == expected.size());
    double scale = 1e-30, worst = 0;
    for (double x : expected)
        scale = std::max(scale, std::abs(x));
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const double off =
            std::abs(static_cast<double>(got[i]) - expected[i]) / (std::abs(expected[i]) + scale);
        if (!(off <= worst)) // not-a-number stays
            worst = off;
    }
    CHECK(worst <= relative);
}

// The same bits for every split into ranges and every executor.
inline void check_order_does_not_matter(const map_problem& p) {
    sequential_executor sequential;
    const map_results expected = run_pair(p, sequential, p.images);
    for (int at_once = 1; at_once < p.images; ++at_once) {
        INFO("ranges of " << at_once);
        CHECK(run_pair(p, sequential, at_once) == expected);
    }
    for (const named_executor& e : all_executors()) {
        INFO(e.name);
        CHECK(run_pair(p, *e.runs, p.images) == expected);
    }
    thread_executor threads(3);
    CHECK(run_pair(p, threads, 1) == expected);
}

} // namespace fovea::test
