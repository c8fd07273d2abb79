// Optimizers against torch's and TensorFlow's numbers.
#include "optimizer_case.hpp"

#include "support/golden.hpp"

#include <catch2/catch.hpp>

using namespace fovea;
using namespace fovea::test;

namespace {

std::vector<float> floats(const array& a) {
    return {a.values.begin(), a.values.end()};
}

// [steps, size]: the weights after each step.
std::vector<float> run(optimizer& o, std::vector<float> weights, const std::vector<float>& gradients,
                       const std::function<double(int)>& rate) {
    sequential_executor ex;
    const std::size_t n = weights.size();
    std::vector<float> rows;
    for (std::size_t t = 0; t * n < gradients.size(); ++t) {
        o.step(weights, span<const float>(gradients).subspan(t * n, n), rate(static_cast<int>(t)), ex);
        rows.insert(rows.end(), weights.begin(), weights.end());
    }
    return rows;
}

struct golden_run {
    const char* output;
    maker make;
    float weight_decay;
};

void check_runs(const golden_case& golden, const std::vector<golden_run>& runs,
                const std::function<double(int)>& rate) {
    const std::vector<float> start = floats(golden.input("p")), gradients = floats(golden.input("gradients"));
    for (const golden_run& r : runs) {
        const auto o = r.make(whole_range(start.size(), r.weight_decay));
        const golden_output& output = golden.output(r.output);
        const comparison result = compare(output, array(output.shape, run(*o, start, gradients, rate)));
        INFO("largest error " << result.max_error);
        CHECK(result);
    }
}

maker rmsprop_of(double alpha, double eps, double momentum, bool centered, rmsprop_form form) {
    return making<rmsprop>(rmsprop_settings{alpha, eps, momentum, centered, form});
}

} // namespace

TEST_CASE("optimizers equal torch's and TensorFlow's, reference goldens") {
    const auto golden = shared_golden("components", "optimizers");
    if (!golden)
        return;
    const float wd = 0.01F;
    check_runs(*golden,
               {{"sgd", making<sgd>(sgd_settings{}), 0},
                {"sgd_momentum", making<sgd>(sgd_settings{0.9}), 0},
                {"sgd_momentum_wd", making<sgd>(sgd_settings{0.9}), wd},
                {"sgd_nesterov_wd", making<sgd>(sgd_settings{0.9, 0, true}), wd},
                {"sgd_dampening", making<sgd>(sgd_settings{0.9, 0.3}), 0},
                {"rmsprop_torch", rmsprop_of(0.9, 0.0316, 0.9, false, torch_form), wd},
                {"rmsprop_torch_plain", rmsprop_of(0.99, 1e-8, 0, false, torch_form), 0},
                {"rmsprop_torch_centered", rmsprop_of(0.9, 1e-3, 0.9, true, torch_form), 0},
                {"rmsprop_tf", rmsprop_of(0.9, 1e-3, 0.9, false, tensorflow_form), wd},
                {"rmsprop_tf_nomomentum", rmsprop_of(0.9, 1e-10, 0, false, tensorflow_form), 0},
                {"adam", making<adam>(adam_settings{}), 0},
                {"adam_wd", making<adam>(adam_settings{}), wd},
                {"adamw", making<adam>(adam_settings{0.9, 0.999, 1e-8, true}), wd},
                {"adamw_betas", making<adam>(adam_settings{0.8, 0.95, 1e-4, true}), 0.1F}},
               [](int) { return 0.05; });
}

TEST_CASE("optimizers equal torch's and TensorFlow's, own goldens") {
    const golden_case golden = own_golden("train", "optimizers");
    const float wd = 0.02F;
    check_runs(golden,
               {{"sgd", making<sgd>(sgd_settings{}), 0},
                {"sgd_momentum", making<sgd>(sgd_settings{0.8}), wd},
                {"sgd_nesterov", making<sgd>(sgd_settings{0.8, 0, true}), wd},
                {"sgd_dampening", making<sgd>(sgd_settings{0.8, 0.4}), 0},
                {"rmsprop", rmsprop_of(0.95, 1e-4, 0, false, torch_form), wd},
                {"rmsprop_momentum", rmsprop_of(0.9, 0.0316, 0.9, false, torch_form), wd},
                {"rmsprop_centered", rmsprop_of(0.9, 1e-2, 0, true, torch_form), 0},
                {"rmsprop_centered_momentum", rmsprop_of(0.9, 1e-2, 0.5, true, torch_form), 0},
                {"rmsprop_tf", rmsprop_of(0.9, 1e-3, 0, false, tensorflow_form), wd},
                {"rmsprop_tf_centered", rmsprop_of(0.9, 1e-3, 0, true, tensorflow_form), wd},
                {"rmsprop_tf_momentum", rmsprop_of(0.9, 1e-3, 0.9, false, tensorflow_form), wd},
                {"rmsprop_tf_centered_momentum", rmsprop_of(0.9, 1e-3, 0.9, true, tensorflow_form), wd},
                {"adam", making<adam>(adam_settings{}), wd},
                {"adamw", making<adam>(adam_settings{0.85, 0.9, 1e-3, true}), wd}},
               [](int t) { return 0.03 * std::pow(0.9, t); });
}
