#include "data.hpp"

#include <fovea/train/loss/cross_entropy.hpp>

#include <limits>

using fovea::cross_entropy;
using fovea::cross_entropy_settings;
using fovea::input_error;
using fovea::reduction;
using namespace fovea::test;

namespace {

// Between torch's [N, C, H, W] and rows of pixels [N * H * W, C].
std::vector<float> to_rows(const std::vector<float>& nchw, const shape_type& s) {
    std::vector<float> rows(nchw.size());
    const std::size_t pixels = s[2] * s[3];
    for (std::size_t i = 0; i < nchw.size(); ++i)
        rows[(i / (s[1] * pixels) * pixels + i % pixels) * s[1] + i / pixels % s[1]] = nchw[i];
    return rows;
}

std::vector<float> from_rows(const std::vector<float>& rows, const shape_type& s) {
    std::vector<float> nchw(rows.size());
    const std::size_t pixels = s[2] * s[3];
    for (std::size_t i = 0; i < rows.size(); ++i)
        nchw[i] = rows[(i / (s[1] * pixels) * pixels + i % pixels) * s[1] + i / pixels % s[1]];
    return nchw;
}

} // namespace

TEST_CASE("Cross-entropy with label smoothing is torch's") {
    for (const golden_case& golden : loss_goldens("loss_classification")) {
        const array logits = golden.input("logits");
        const std::vector<float> x = numbers<float>(logits);
        const std::vector<int> labels = numbers<int>(golden.input("labels"));
        for (const auto& [name, smoothing] : {std::pair("ce_ls00", 0.0), std::pair("ce_ls10", 0.1)}) {
            std::vector<float> gradient(x.size());
            const double loss = cross_entropy<float>(x, logits.shape[1], labels, gradient, {smoothing});
            check_golden(golden, name, loss);
            check_golden(golden, std::string("grad_") + name, gradient);
        }
    }
}

TEST_CASE("Cross-entropy of pixels with ignored ones is torch's") {
    for (const golden_case& golden : loss_goldens("loss_classification")) {
        const shape_type shape = golden.input("seg_logits").shape;
        const std::vector<int> labels = numbers<int>(golden.input("seg_labels"));
        const cross_entropy_settings settings{0, 255};
        double total = 0;
        for (const auto& [name, weight] : {std::pair("seg", 1.0F), std::pair("aux", 0.5F)}) {
            const std::string input = name == std::string("seg") ? "seg_logits" : "seg_aux";
            const std::vector<float> x = to_rows(numbers<float>(golden.input(input)), shape);
            std::vector<float> gradient(x.size());
            total +=
                static_cast<double>(weight) * cross_entropy<float>(x, shape[1], labels, gradient, settings);
            for (float& g : gradient)
                g *= weight;
            check_golden(golden, std::string("grad_") + name, from_rows(gradient, shape));
        }
        check_golden(golden, "seg_loss", total);
    }
}

TEST_CASE("The gradient of cross-entropy is its derivative") {
    const std::vector<int> labels{3, 0, -1, 6, 2};
    const std::vector<double> x = normal_numbers(5 * 7, 3, 3);
    for (double smoothing : {0.0, 0.2, 1.0})
        for (reduction reduce : {reduction::mean, reduction::sum}) {
            const cross_entropy_settings settings{smoothing, -1, reduce};
            std::vector<double> gradient(x.size());
            cross_entropy<double>(x, 7, labels, gradient, settings);
            check_gradient(x, gradient, [&](const std::vector<double>& at) {
                return cross_entropy<double>(at, 7, labels, {}, settings);
            });
        }
}

TEST_CASE("Cross-entropy row by row, of nothing, of extremes") {
    const std::vector<double> x = normal_numbers(3 * 4, 4);
    const std::vector<int> labels{1, -100, 3}, ignored{-100, -100, -100};
    std::vector<double> losses(3, 9), gradient(x.size(), 9);
    const double sum = cross_entropy<double>(x, 4, labels, {}, {0.1, -100, reduction::sum}, losses);
    CHECK(losses[1] == 0);
    CHECK(sum == Approx(losses[0] + losses[2]));
    CHECK(cross_entropy<double>(x, 4, labels, {}, {0.1}) == Approx(sum / 2));
    CHECK(std::isnan(cross_entropy<double>(x, 4, ignored, gradient)));
    CHECK(gradient == std::vector<double>(x.size(), 0));
    CHECK(cross_entropy<double>({}, 4, {}, {}, {0, -100, reduction::sum}) == 0);

    const double infinite = std::numeric_limits<double>::infinity();
    const std::vector<int> zero{0};
    CHECK(cross_entropy<double>(std::vector<double>{1000, -1000}, 2, zero, {}) == 0);
    CHECK(cross_entropy<double>(std::vector<double>{-1000, 1000}, 2, zero, {}) == Approx(2000));
    CHECK(cross_entropy<double>(std::vector<double>{0, -infinite}, 2, zero, {}) == 0);
    for (double bad : {infinite, std::nan("")})
        for (double other : {0.0, -infinite}) {
            CHECK(std::isnan(cross_entropy<double>(std::vector<double>{bad, other}, 2, zero, {})));
            CHECK(std::isnan(cross_entropy<double>(std::vector<double>{other, bad}, 2, zero, {})));
        }
}

TEST_CASE("Cross-entropy refuses sizes that do not fit, labels and smoothing out of range") {
    const std::vector<float> x(6);
    std::vector<float> short_out(1);
    const std::vector<int> labels{0, 2}, too_large{0, 3}, negative{-1, 0}, three{0, 0, 0};
    CHECK_NOTHROW(cross_entropy<float>(x, 3, labels, {}));
    CHECK_THROWS_WITH(cross_entropy<float>(x, 3, too_large, {}),
                      "cross_entropy: row 1 has label 3, expected 0 .. 3 - 1 or -100 to ignore it");
    CHECK_THROWS_AS(cross_entropy<float>(x, 3, negative, {}), input_error);
    CHECK_THROWS_AS(cross_entropy<float>(x, 3, three, {}), input_error);
    CHECK_THROWS_AS(cross_entropy<float>(x, 0, {}, {}), input_error);
    CHECK_THROWS_AS(cross_entropy<float>(x, 3, labels, short_out), input_error);
    CHECK_THROWS_AS(cross_entropy<float>(x, 3, labels, {}, {}, short_out), input_error);
    for (double smoothing : {-0.1, 1.5, std::nan("")})
        CHECK_THROWS_AS(cross_entropy<float>(x, 3, labels, {}, {smoothing}), input_error);
}
