#include "data.hpp"

#include <fovea/train/loss/focal.hpp>

#include <limits>

using fovea::binary_cross_entropy_loss;
using fovea::focal_settings;
using fovea::input_error;
using fovea::reduction;
using fovea::sigmoid_focal_loss;
using namespace fovea::test;

namespace {

struct focal_case {
    std::vector<float> logits, targets;

    explicit focal_case(const golden_case& golden)
        : logits(numbers<float>(golden.input("logits"))), targets(numbers<float>(golden.input("targets"))) {}
};

} // namespace

TEST_CASE("The focal loss is torchvision's") {
    for (const golden_case& golden : loss_goldens("loss_focal")) {
        const focal_case c(golden);
        for (const auto& [name, alpha, gamma] :
             {std::tuple("tv_a25_g2", 0.25, 2.0), std::tuple("tv_a25_g15", 0.25, 1.5),
              std::tuple("tv_anone_g2", -1.0, 2.0)})
            for (const auto& [suffix, reduce] :
                 {std::pair("_sum", reduction::sum), std::pair("_mean", reduction::mean)})
                check_golden(golden, std::string(name) + suffix,
                             sigmoid_focal_loss<float>(c.logits, c.targets, {}, {alpha, gamma, 0, reduce}));
        std::vector<float> gradient(c.logits.size()), losses(c.logits.size());
        sigmoid_focal_loss<float>(c.logits, c.targets, gradient, {}, losses);
        check_golden(golden, "tv_none", losses);
        check_golden(golden, "grad_tv_sum", gradient);
    }
}

TEST_CASE("The focal loss with label smoothing is the official EfficientDet's") {
    for (const golden_case& golden : loss_goldens("loss_focal")) {
        const focal_case c(golden);
        for (const auto& [name, smoothing] :
             {std::pair("official_ls00", 0.0), std::pair("official_ls10", 0.1)}) {
            std::vector<float> gradient(c.logits.size());
            const double sum =
                sigmoid_focal_loss<float>(c.logits, c.targets, gradient, {0.25, 1.5, smoothing});
            for (float& g : gradient)
                g /= 7; // the normalizer
            check_golden(golden, name, sum / 7);
            check_golden(golden, std::string("grad_") + name, gradient);
        }
    }
}

TEST_CASE("Binary cross-entropy is torch's") {
    const golden_case golden = own_golden("train/loss", "loss_focal");
    const focal_case c(golden);
    std::vector<float> gradient(c.logits.size()), losses(c.logits.size());
    check_golden(golden, "bce_mean",
                 binary_cross_entropy_loss<float>(c.logits, c.targets, gradient, reduction::mean, losses));
    check_golden(golden, "grad_bce_mean", gradient);
    check_golden(golden, "bce_none", losses);
    check_golden(golden, "bce_sum",
                 binary_cross_entropy_loss<float>(c.logits, c.targets, {}, reduction::sum));
}

TEST_CASE("Gradients of focal loss and binary cross-entropy are derivatives, for soft targets too") {
    const std::vector<double> x = normal_numbers(30, 7, 3);
    std::vector<double> targets(x.size());
    for (std::size_t i = 0; i < targets.size(); ++i)
        targets[i] = static_cast<double>(i % 5) / 4;
    std::vector<double> gradient(x.size());
    for (const focal_settings& s : {focal_settings{}, focal_settings{-1, 0, 0.1}, focal_settings{0.6, 0.5},
                                    focal_settings{0.25, 1.5, 0.2, reduction::mean}, focal_settings{1, 5}}) {
        CAPTURE(s.alpha, s.gamma);
        sigmoid_focal_loss<double>(x, targets, gradient, s);
        check_gradient(x, gradient, [&](const std::vector<double>& at) {
            return sigmoid_focal_loss<double>(at, targets, {}, s);
        });
    }
    binary_cross_entropy_loss<double>(x, targets, gradient);
    check_gradient(x, gradient, [&](const std::vector<double>& at) {
        return binary_cross_entropy_loss<double>(at, targets, {});
    });
    for (double gamma : {0.0, 0.7, 2.0})
        for (double entropy : {0.01, 0.3, 2.0, 20.0}) {
            const std::vector<double> at{entropy};
            check_gradient(
                at, {fovea::softmax_focal(entropy, 0.3, gamma).slope},
                [&](const std::vector<double>& e) { return fovea::softmax_focal(e[0], 0.3, gamma).value; });
        }
}

TEST_CASE("Focal loss and binary cross-entropy at the edges") {
    for (double gamma : {0.0, 0.5, 1.0, 2.0}) {
        const auto certain = fovea::sigmoid_focal(800.0, 1.0, {0.25, gamma});
        CHECK(certain.value == 0);
        CHECK(certain.slope == 0);
        CHECK(fovea::sigmoid_focal(-800.0, 1.0, {0.25, gamma}).value == Approx(200));
        CHECK(fovea::sigmoid_focal(-800.0, 1.0, {0.25, gamma}).slope == Approx(-0.25));
        CHECK(fovea::softmax_focal(0.0, 1.0, gamma).value == 0);
        CHECK(fovea::softmax_focal(-1e-9, 1.0, gamma).slope == Approx(gamma == 0 ? 1.0 : 0.0).margin(1e-12));
        CHECK(fovea::softmax_focal(900.0, 1.0, gamma).slope == Approx(1));
        CHECK(std::isnan(fovea::softmax_focal(std::nan(""), 1.0, gamma).value));
        CHECK(std::isnan(fovea::softmax_focal(std::nan(""), 1.0, gamma).slope) == (gamma > 0));
    }
    CHECK(std::isnan(fovea::sigmoid_focal(std::nan(""), 0.0, {}).value));
    CHECK(std::isnan(fovea::sigmoid_focal(std::nan(""), 0.0, {}).slope));
    CHECK(fovea::binary_cross_entropy(1000.0, 0.0).value == 1000);
    CHECK(fovea::binary_cross_entropy(1000.0, 1.0).value == 0);
    CHECK(fovea::binary_cross_entropy(-40.0, 0.0).value == Approx(std::exp(-40.0)));
    CHECK(sigmoid_focal_loss<float>({}, {}, {}) == 0);
    CHECK(std::isnan(binary_cross_entropy_loss<float>({}, {}, {})));
}

TEST_CASE("Focal loss and binary cross-entropy refuse bad sizes, targets and settings") {
    const std::vector<float> two{0, 0}, three{0, 0, 0}, bad{0, 1.5F}, nan{0, std::nanf("")};
    std::vector<float> out(3);
    CHECK_THROWS_AS(sigmoid_focal_loss<float>(two, three, {}), input_error);
    CHECK_THROWS_AS(sigmoid_focal_loss<float>(two, two, out), input_error);
    CHECK_THROWS_AS(sigmoid_focal_loss<float>(two, two, {}, {}, out), input_error);
    CHECK_THROWS_WITH(sigmoid_focal_loss<float>(two, bad, {}),
                      "sigmoid_focal_loss: target 1 is 1.500000, expected 0 .. 1");
    CHECK_THROWS_AS(binary_cross_entropy_loss<float>(two, nan, {}), input_error);
    CHECK_THROWS_AS(binary_cross_entropy_loss<float>(two, three, {}), input_error);
    for (const focal_settings& s : {focal_settings{2}, focal_settings{std::nan("")}, focal_settings{0.25, -1},
                                    focal_settings{0.25, std::nan("")}, focal_settings{0.25, 2, 1.1}})
        CHECK_THROWS_AS(sigmoid_focal_loss<float>(two, two, {}, s), input_error);
}
