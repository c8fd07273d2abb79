#include "data.hpp"

#include <fovea/train/loss/regression.hpp>

#include <limits>

using fovea::input_error;
using fovea::reduction;
using fovea::regression_kind;
using fovea::regression_loss;
using fovea::regression_settings;
using namespace fovea::test;

namespace {

void check_case(const golden_case& golden, const std::string& name, const regression_settings& settings) {
    const std::vector<float> x = numbers<float>(golden.input("x")), y = numbers<float>(golden.input("y"));
    std::vector<float> gradient(x.size()), losses(x.size());
    const double sum = regression_loss<float>(x, y, gradient, settings, losses);
    check_golden(golden, name, losses);
    check_golden(golden, "grad_" + name, gradient);
    double total = 0;
    for (float loss : losses)
        total += static_cast<double>(loss);
    CHECK(sum == Approx(total));
}

} // namespace

TEST_CASE("Smooth L1 and Huber are torch's") {
    for (const golden_case& golden : loss_goldens("loss_box")) {
        check_case(golden, "smooth_l1_111", {regression_kind::smooth_l1, 1.0 / 9, reduction::sum});
        check_case(golden, "smooth_l1_1000", {regression_kind::smooth_l1, 1, reduction::sum});
        check_case(golden, "smooth_l1_500", {regression_kind::smooth_l1, 0.5, reduction::sum});
        check_case(golden, "huber_01", {regression_kind::huber, 0.1, reduction::sum});
    }
}

TEST_CASE("Gradients of regression losses are derivatives") {
    const std::vector<double> x = normal_numbers(40, 1), y = normal_numbers(40, 2);
    for (regression_kind kind : {regression_kind::l1, regression_kind::smooth_l1, regression_kind::huber})
        for (double width : {0.3, 1.0, 2.5})
            for (reduction reduce : {reduction::mean, reduction::sum}) {
                const regression_settings settings{kind, width, reduce};
                std::vector<double> gradient(x.size());
                regression_loss<double>(x, y, gradient, settings);
                CAPTURE(static_cast<int>(kind), width);
                check_gradient(x, gradient, [&](const std::vector<double>& at) {
                    return regression_loss<double>(at, y, {}, settings);
                });
            }
}

TEST_CASE("Regression losses at the edges") {
    CHECK(fovea::smooth_l1(2.0, 0.0).value == 2); // beta 0 is L1
    CHECK(fovea::smooth_l1(0.0, 0.0).slope == 0);
    CHECK(fovea::l1(0.0).slope == 0);
    CHECK(fovea::smooth_l1(1.0, 1.0).value == fovea::huber(1.0, 1.0).value);
    CHECK(fovea::huber(3.0, 0.5).value == Approx(0.5 * fovea::smooth_l1(3.0, 0.5).value));
    for (double d : {fovea::l1(std::nan("")).slope, fovea::smooth_l1(std::nan("")).value,
                     fovea::huber(std::nan("")).slope, fovea::l1(std::nan("")).value})
        CHECK(std::isnan(d));
    CHECK(std::isnan(regression_loss<float>({}, {}, {})));
    CHECK(regression_loss<float>({}, {}, {}, {regression_kind::l1, 1, reduction::sum}) == 0);
}

TEST_CASE("Regression losses refuse sizes that do not fit and widths out of range") {
    const std::vector<float> three(3), two(2);
    std::vector<float> out(2);
    CHECK_THROWS_AS(regression_loss<float>(three, two, {}), input_error);
    CHECK_THROWS_AS(regression_loss<float>(three, three, out), input_error);
    CHECK_THROWS_AS(regression_loss<float>(three, three, {}, {}, out), input_error);
    for (double width : {-1.0, std::nan("")}) {
        CHECK_THROWS_AS(regression_loss<float>(two, two, {}, {regression_kind::smooth_l1, width}),
                        input_error);
        CHECK_THROWS_AS(regression_loss<float>(two, two, {}, {regression_kind::huber, width}), input_error);
    }
    CHECK_THROWS_WITH(regression_loss<float>(two, two, {}, {regression_kind::huber, 0}),
                      "regression_loss: width 0.000000, expected above 0");
    CHECK_THROWS_WITH(regression_loss<float>(three, two, {}),
                      "regression_loss: targets has 2 values, expected 3");
}
