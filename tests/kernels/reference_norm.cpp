#include <fovea/kernels/reference/batch_norm.hpp>
#include <fovea/kernels/reference/norm.hpp>

#include "finite_differences.hpp"
#include "support/golden.hpp"
#include "support/layout.hpp"

#include <random>

using namespace fovea;
using namespace fovea::test;

namespace {

std::vector<double> some_numbers(std::size_t count, double scale = 1) {
    static std::minstd_rand generator;
    std::vector<double> numbers(count);
    for (double& x : numbers)
        x = (static_cast<double>(generator() % 65536) / 32768 - 1) * scale;
    return numbers;
}

reference::pixel_rows<double> pixels_of(std::vector<double>& x, std::size_t channels) {
    return {x.data(), {x.size() / channels, channels}};
}

// Forward and backward functions of a norm over one block of pixels.
struct some_norm {
    const char* name;
    int groups;    // of group-norm; 0: batch-norm
    bool constant; // batch-norm by running statistics
};

struct norm_numbers {
    static constexpr std::size_t channels = 6;
    static constexpr double epsilon = 1e-3;
    std::vector<double> x = some_numbers(5 * channels, 2), weight = some_numbers(channels, 2),
                        bias = some_numbers(channels), mean = some_numbers(channels),
                        up = some_numbers(x.size());
    std::vector<double> var = std::vector<double>(channels, 0.7), y = std::vector<double>(x.size());

    double loss(const some_norm& n) {
        if (n.groups > 0)
            reference::group_norm<double>(pixels_of(x, channels), n.groups, weight, bias, epsilon,
                                          pixels_of(y, channels));
        else if (n.constant)
            reference::batch_norm<double>(reference::make_map<const double>(x.data(), {5, 1, 6}),
                                          {weight, bias, mean, var, epsilon},
                                          reference::make_map(y.data(), {5, 1, 6}));
        else
            reference::batch_norm_training<double>(pixels_of(x, channels), weight, bias, epsilon,
                                                   pixels_of(y, channels));
        return dot(y, up);
    }
};

} // namespace

TEST_CASE("gradients of norms are the differences of what they compute") {
    for (const some_norm& n : {some_norm{"batch-norm", 0, false}, some_norm{"running statistics", 0, true},
                               some_norm{"group-norm of 1", 1, false}, some_norm{"group-norm of 3", 3, false},
                               some_norm{"instance-norm", 6, false}}) {
        INFO(n.name);
        norm_numbers v;
        constexpr std::size_t channels = norm_numbers::channels;
        std::vector<double> gx(v.x.size()), gw(channels), gb(channels);
        const reference::norm_gradients<double> gradients{pixels_of(gx, channels), gw, gb};
        if (n.groups > 0)
            reference::group_norm_backward<double>(pixels_of(v.x, channels), n.groups, v.weight, v.epsilon,
                                                   pixels_of(v.up, channels), gradients);
        else if (n.constant)
            reference::batch_norm_backward<double>(pixels_of(v.x, channels), v.mean, v.var, v.weight,
                                                   v.epsilon, pixels_of(v.up, channels), gradients);
        else
            reference::batch_norm_training_backward<double>(pixels_of(v.x, channels), v.weight, v.epsilon,
                                                            pixels_of(v.up, channels), gradients);
        const auto loss = [&] { return v.loss(n); };
        check_gradient("input", v.x, gx, loss);
        check_gradient("weight", v.weight, gw, loss);
        check_gradient("bias", v.bias, gb, loss);
    }
}

TEST_CASE("running statistics move by momentum or as a cumulative average") {
    CHECK(reference::next_running(1, 5, 0.25, 9) == 2);
    CHECK(reference::next_running(1, 5, -1, 0) == 5);
    CHECK(reference::next_running(1, 5, -1, 3) == 2);
}

namespace {

class reference_norm_golden {
public:
    explicit reference_norm_golden(const golden_case& g)
        : golden_(g), x_(g.input("x")), channels_(x_.shape[1]), rows_(rows_of(x_)),
          up_(rows_of({x_.shape, fill_input(x_.shape, input_rule::sym2, "norms:upstream")})) {}

    void check_group_norm() {
        const std::vector<float> weight = fill_value("norms:gn.weight", {channels_}),
                                 bias = fill_value("norms:gn.bias", {channels_}, true);
        std::vector<float> y(rows_.size()), gx(rows_.size()), gw(channels_), gb(channels_);
        const std::size_t floats = rows_.size() / x_.shape[0];
        for (std::size_t first = 0; first < rows_.size(); first += floats) {
            const auto image = [&](std::vector<float>& v) {
                return reference::pixel_rows<float>{v.data() + first, {floats / channels_, channels_}};
            };
            reference::group_norm<float>(image(rows_), 4, weight, bias, 1e-5, image(y));
            reference::group_norm_backward<float>(image(rows_), 4, weight, 1e-5, image(up_),
                                                  {image(gx), gw, gb});
        }
        check_rows("groupnorm", y);
        check_rows("grad_gn_x", gx);
        check_channels("grad_gn_weight", gw);
        check_channels("grad_gn_bias", gb);
    }

    void check_batch_norm(const std::string& name, double epsilon, double momentum) {
        const std::vector<float> weight = fill_value("norms:bn.weight", {channels_}),
                                 bias = fill_value("norms:bn.bias", {channels_}, true);
        std::vector<float> mean = fill_value("norms:bn.running_mean", {channels_}),
                           var = fill_value("norms:bn.running_var", {channels_}), y(rows_.size()),
                           gx(rows_.size()), gw(channels_), gb(channels_);
        reference::batch_norm_training<float>(view_of(rows_), weight, bias, epsilon, view_of(y));
        reference::batch_norm_training_backward<float>(view_of(rows_), weight, epsilon, view_of(up_),
                                                       {view_of(gx), gw, gb});
        check_rows(name, y);
        check_rows("grad_" + name + "_x", gx);
        check_channels("grad_" + name + "_weight", gw);
        check_channels("grad_" + name + "_bias", gb);
        follow(rows_, momentum, 0, mean, var);
        check_channels(name + "_mean", mean);
        check_channels(name + "_var", var);
        std::vector<float> second = rows_;
        for (float& x : second)
            x = x * 0.5F + 1;
        follow(second, momentum, 1, mean, var);
        check_channels(name + "_mean2", mean);
        check_channels(name + "_var2", var);
        std::fill(gx.begin(), gx.end(), 0.0F);
        reference::batch_norm_backward<float>(view_of(rows_), mean, var, weight, epsilon, view_of(up_),
                                              {view_of(gx), gw, gb});
        check_rows("grad_" + name + "_eval_x", gx);
    }

private:
    static std::vector<float> rows_of(const array& batch) {
        std::vector<float> rows;
        for (std::size_t n = 0; n < batch.shape[0]; ++n) {
            const std::vector<float> image = image_of<float>(batch, n);
            rows.insert(rows.end(), image.begin(), image.end());
        }
        return rows;
    }
    reference::pixel_rows<float> view_of(std::vector<float>& rows) const {
        return {rows.data(), {rows.size() / channels_, channels_}};
    }
    void follow(std::vector<float>& rows, double momentum, double batches, std::vector<float>& mean,
                std::vector<float>& var) const {
        for (std::size_t c = 0; c < channels_; ++c) {
            const auto s = reference::statistics_of<float>(view_of(rows), c, c + 1);
            mean[c] = static_cast<float>(
                reference::next_running(static_cast<double>(mean[c]), s.mean, momentum, batches));
            var[c] = static_cast<float>(reference::next_running(static_cast<double>(var[c]),
                                                                s.unbiased_variance(), momentum, batches));
        }
    }
    void check_rows(const std::string& name, const std::vector<float>& rows) const {
        array batch{x_.shape, rows};
        const std::size_t floats = rows.size() / x_.shape[0];
        for (std::size_t n = 0; n < x_.shape[0]; ++n)
            put_image(batch, n, std::vector<float>(rows.data() + n * floats, rows.data() + (n + 1) * floats));
        CHECK(compare(golden_.output(name), batch));
    }
    void check_channels(const std::string& name, const std::vector<float>& channels) const {
        CHECK(compare(golden_.output(name), array{{channels.size()}, channels}));
    }

    const golden_case& golden_;
    array x_;
    std::size_t channels_;
    std::vector<float> rows_, up_;
};

} // namespace

TEST_CASE("reference norms in training agree with torch") {
    std::vector<golden_case> cases{own_golden("kernels", "norms")};
    if (auto shared = shared_golden("components", "norms"))
        cases.push_back(*shared);
    for (const golden_case& golden : cases) {
        reference_norm_golden g(golden);
        g.check_group_norm();
        g.check_batch_norm("bn_a", 1e-3, 0.01);
        g.check_batch_norm("bn_b", 1e-5, 0.1);
        g.check_batch_norm("bn_cma", 1e-5, -1);
    }
}
