// Norms in training against torch: both norms, running statistics, gradients.
#include "training_map_case.hpp"

#include <fovea/kernels/training/norm.hpp>

#include "support/golden.hpp"
#include "support/layout.hpp"

using namespace fovea;
using namespace fovea::test;

namespace {

// Golden batches [4, 8, 5, 6] as dense NHWC numbers, and back.
batch_numbers to_rows(const array& batch) {
    batch_numbers all;
    for (std::size_t n = 0; n < batch.shape.at(0); ++n) {
        const std::vector<double> image = image_of<double>(batch, n);
        all.insert(all.end(), image.begin(), image.end());
    }
    return all;
}
array to_batch(const shape_type& extents, const batch_numbers& rows) {
    array batch{extents, rows};
    const std::size_t floats = rows.size() / extents.at(0);
    for (std::size_t n = 0; n < extents.at(0); ++n)
        put_image(batch, n,
                  std::vector<double>(rows.begin() + static_cast<std::ptrdiff_t>(n * floats),
                                      rows.begin() + static_cast<std::ptrdiff_t>((n + 1) * floats)));
    return batch;
}

class norm_golden {
public:
    explicit norm_golden(const golden_case& g) : golden_(g), x_(g.input("x")) {
        problem_.images = static_cast<int>(x_.shape[0]);
        problem_.in = problem_.out = image_shape(x_.shape);
        problem_.input = to_rows(x_);
        problem_.output_gradient =
            to_rows({x_.shape, fill_input(x_.shape, input_rule::sym2, "norms:upstream")});
    }

    void check_group_norm() {
        set_kind(op::group_norm, "gn", 1e-5F);
        problem_.layer.groups = 4;
        const map_results r = run(0);
        check_map("groupnorm", r.output);
        check_map("grad_gn_x", r.input_gradient);
        check_channels("grad_gn_weight", r.weight_gradient);
        check_channels("grad_gn_bias", r.bias_gradient);
    }
    void check_batch_norm(const std::string& name, float epsilon, float momentum) {
        set_kind(op::batch_norm, "bn", epsilon);
        problem_.momentum = momentum;
        problem_.running_mean = fill_value("norms:bn.running_mean", {8});
        problem_.running_var = fill_value("norms:bn.running_var", {8});
        map_results r = run(0);
        check_map(name, r.output);
        check_map("grad_" + name + "_x", r.input_gradient);
        check_channels("grad_" + name + "_weight", r.weight_gradient);
        check_channels("grad_" + name + "_bias", r.bias_gradient);
        check_channels(name + "_mean", r.running_mean);
        check_channels(name + "_var", r.running_var);
        problem_.running_mean = r.running_mean;
        problem_.running_var = r.running_var;
        map_problem second = problem_;
        for (double& x : second.input)
            x = static_cast<double>(static_cast<float>(x) * 0.5F + 1);
        second.batches = 1;
        sequential_executor ex;
        r = run_pair(second, ex, 2);
        check_channels(name + "_mean2", r.running_mean);
        check_channels(name + "_var2", r.running_var);
        problem_.running_mean = r.running_mean;
        problem_.running_var = r.running_var;
        problem_.uses_running = true;
        r = run(0);
        check_map(name + "_eval", r.output);
        check_map("grad_" + name + "_eval_x", r.input_gradient);
        problem_.uses_running = false;
    }

private:
    void set_kind(op kind, const std::string& module, float epsilon) {
        problem_.kernel = training_pair<training_norm_kernel>();
        problem_.layer = {};
        problem_.layer.kind = kind;
        problem_.layer.epsilon = epsilon;
        problem_.weight = fill_value("norms:" + module + ".weight", {8});
        problem_.bias = fill_value("norms:" + module + ".bias", {8}, true);
    }
    map_results run(double batches) {
        problem_.batches = batches;
        sequential_executor ex;
        return run_pair(problem_, ex, 1);
    }
    void check_map(const std::string& name, const batch_numbers& rows) {
        CHECK(compare(golden_.output(name), to_batch(x_.shape, rows)));
    }
    void check_channels(const std::string& name, std::vector<float> channels) {
        if (name.compare(0, 5, "grad_") == 0)
            for (float& x : channels)
                x -= 0.5F; // where run_pair() begins
        CHECK(compare(golden_.output(name), array{{channels.size()}, channels}));
    }

    const golden_case& golden_;
    array x_;
    map_problem problem_;
};

} // namespace

TEST_CASE("norms in training agree with torch") {
    std::vector<golden_case> cases{own_golden("kernels", "norms")};
    if (auto shared = shared_golden("components", "norms"))
        cases.push_back(*shared);
    for (const golden_case& golden : cases) {
        norm_golden(golden).check_group_norm();
        norm_golden(golden).check_batch_norm("bn_a", 0.001F, 0.01F);
        norm_golden(golden).check_batch_norm("bn_b", 1e-5F, 0.1F);
        norm_golden(golden).check_batch_norm("bn_cma", 1e-5F, -1);
    }
}
