// Winograd's algorithm beside direct convolution on the 3x3 layers of VGG16 as SSD300 runs it, and on a few
// small ones: what the rule kernel_detail::is_winograd() rests on.
#include "../support/fma_peak.hpp"
#include "../support/processor.hpp"

#include <fovea/kernels/registry.hpp>
#include <fovea/program/memory.hpp>
#include <fovea/program/thread_executor.hpp>

#include <CLI/CLI.hpp>

#include <cmath>
#include <cstdio>
#include <vector>

namespace {

using namespace fovea;

struct dense_layer {
    int side, in, out;
};

// SSD300's maps (Liu et al. 2016, torchvision ssd.py): conv1_2, 2_1, 2_2, 3_1, 3_2, 4_1, 4_2 and 5_1.
constexpr dense_layer vgg16[] = {{300, 64, 64},  {150, 64, 128}, {150, 128, 128}, {75, 128, 256},
                                 {75, 256, 256}, {38, 256, 512}, {38, 512, 512},  {19, 512, 512}};
constexpr dense_layer small[] = {{56, 16, 16},   {56, 24, 24}, {56, 32, 32},  {20, 64, 64},
                                 {14, 128, 128}, {10, 64, 64}, {7, 256, 256}, {5, 256, 256}};

aligned_floats waves(std::size_t size, float scale) {
    aligned_floats values(size);
    for (std::size_t i = 0; i < size; ++i)
        values.data()[i] = scale * std::sin(0.37F * static_cast<float>(i % 7919));
    return values;
}

// A kernel with the layer's weights packed for it.
class packed_run {
public:
    packed_run(const kernel& k, const layer& l, const folded_weights& w, const float* input, executor& ex)
        : kernel_(k), layer_(l), executor_(ex), packed_(k.packed_floats(l)),
          scratch_(k.scratch_floats(l, false) * static_cast<std::size_t>(ex.concurrency())),
          output_(static_cast<std::size_t>(l.out.pixels()) * static_cast<std::size_t>(l.out.stride)) {
        k.pack(l, w, packed_.data());
        call_.input = input;
        call_.weights = packed_.data();
        call_.output = output_.data();
        call_.scratch = scratch_.data();
    }
    double seconds() const {
        return benchmarks::seconds([&] { kernel_.run(layer_, call_, executor_); });
    }
    const aligned_floats& output() const noexcept { return output_; }

private:
    kernel kernel_;
    const layer& layer_;
    executor& executor_;
    aligned_floats packed_, scratch_, output_;
    operands call_;
};

double largest_difference(const aligned_floats& a, const aligned_floats& b) {
    float difference = 0, largest = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        difference = std::max(difference, std::abs(a.data()[i] - b.data()[i]));
        largest = std::max(largest, std::abs(a.data()[i]));
    }
    return static_cast<double>(difference / largest);
}

void compare(const dense_layer& d, executor& ex, double roof, double budget) {
    layer l;
    l.win = window::same(3);
    l.act = activation::relu;
    l.in = {d.side, d.side, d.in, d.in};
    l.out = {d.side, d.side, d.out, d.out};
    const auto channels = static_cast<std::size_t>(d.in), outputs = static_cast<std::size_t>(d.out);
    const aligned_floats input = waves(static_cast<std::size_t>(l.in.pixels()) * channels, 1),
                         weight = waves(9 * channels * outputs, 0.1F), bias = waves(outputs, 1);
    const folded_weights w{{weight.data(), weight.size()}, {bias.data(), bias.size()}};
    const packed_run direct(kernel_for<kernel_id::dense_conv>(), l, w, input.data(), ex),
        winograd(kernel_for<kernel_id::winograd>(), l, w, input.data(), ex);
    std::vector<double> direct_times, winograd_times;
    for (double spent = 0; spent < budget || direct_times.size() < 5;) {
        direct_times.push_back(direct.seconds());
        winograd_times.push_back(winograd.seconds());
        spent += direct_times.back() + winograd_times.back();
    }
    const double flops = 18.0 * d.in * d.out * l.out.pixels();
    const auto least = [](const std::vector<double>& t) {
        return 1e6 * *std::min_element(t.begin(), t.end());
    };
    const double median = benchmarks::median(direct_times), faster = benchmarks::median(winograd_times);
    std::printf("| %dx%d, %d to %d | %.0f | %.0f | %.0f | %.0f %% | %.0f | %.0f | %.2f | %.1e |\n", d.side,
                d.side, d.in, d.out, least(direct_times), 1e6 * median, 1e-9 * flops / median,
                1e-7 * flops / median / roof, least(winograd_times), 1e6 * faster, median / faster,
                largest_difference(direct.output(), winograd.output()));
}

} // namespace

int main(int argc, char** argv) {
    int threads = 1;
    double milliseconds = 300;
    CLI::App app("Times 3x3 convolutions over many channels, direct and by Winograd's algorithm, in turn.");
    app.add_option("--threads", threads, "Threads")->check(CLI::Range(1, 256));
    app.add_option("--milliseconds", milliseconds, "Time for each layer")->check(CLI::PositiveNumber);
    CLI11_PARSE(app, argc, argv);
    const double peak = measured_fma_peak();
    std::printf(
        "%s, %s, %d thread%s; FMA peak %.1f GFLOP/s a core\n\n"
        "| layer | direct, us: least | median | GFLOP/s | of peak | Winograd, us: least | median | ratio | "
        "difference |\n|---|---|---|---|---|---|---|---|---|\n",
        benchmarks::processor_name().c_str(), arch_name, threads, threads == 1 ? "" : "s", peak);
    thread_executor workers(threads);
    for (const dense_layer& d : vgg16)
        compare(d, workers, peak * threads, 1e-3 * milliseconds);
    for (const dense_layer& d : small)
        compare(d, workers, peak * threads, 1e-3 * milliseconds);
}
