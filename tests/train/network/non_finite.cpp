// A run that stops for a NaN names the place where it began.
#include "program/training_case.hpp"

#include <fovea/models/mobilenet_v3.hpp>
#include <fovea/train/non_finite.hpp>

#include <limits>

using namespace fovea;
using namespace fovea::test;

namespace {

// A small network in the middle of a step.
class broken_network {
public:
    broken_network()
        : program_(tables::mobilenet_v3_small.with_classes(5).with_input(33, 33)), net_(program_.view(), {2, false, false}),
          images_(2 * program_.graph()[0].out.size(), 0.5F) {
        net_.set_dropout(false);
        net_.parameters().load(training_weights(program_.graph(), ""));
    }

    float& parameter(std::string_view key) {
        for (const training_parameters::placed& p : net_.parameters().all())
            if (!is_buffer(p.what.kind) && key_of(net_.graph(), p.what).view() == key)
                return net_.parameters().values()[p.place];
        throw std::out_of_range(std::string(key));
    }
    float& pixel(std::size_t i) { return images_.at(i); }
    float& output_gradient() { return net_.output_gradient(0)[0]; }
    std::string report() { return find_non_finite(net_, images_.data(), 1); }

private:
    runtime_training_program program_;
    training_network net_;
    std::vector<float> images_;
};

} // namespace

TEST_CASE("the first number that is none is found") {
    constexpr float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
    broken_network net;
    CHECK(net.report() == "no value of the network, but the loss or a parameter's gradient is not finite");
    SECTION("a parameter") {
        net.parameter("features.4.block.1.0.weight") = nan;
        CHECK(net.report() == "the parameter 'features.4.block.1.0.weight' is not finite before the step");
    }
    SECTION("an image") {
        net.pixel(33 * 33 * 3 + 7) = infinity;
        CHECK(net.report() == "image 1 of the batch is not finite");
    }
    SECTION("a value that overflows") {
        net.parameter("features.2.block.0.1.bias") = 3e38F;
        net.parameter("features.2.block.0.1.weight") = 3e38F;
        CHECK(net.report() == "the output of 'features.2.block.0.1' is the first that is not finite");
    }
    SECTION("a gradient") {
        net.output_gradient() = infinity;
        CHECK(net.report() == "the gradient behind 'classifier.3' is the first that is not finite");
    }
}
