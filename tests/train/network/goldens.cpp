// Whole networks' gradients against torch's: a classifier with batch statistics, SSDLite320 with frozen ones.
#include "program/training_case.hpp"

#include <fovea/models/detector.hpp>
#include <fovea/models/efficientnet.hpp>
#include <fovea/models/mobilenet_v3.hpp>
#include <fovea/models/ssdlite.hpp>
#include <fovea/program/thread_executor.hpp>
#include <fovea/train/loss/cross_entropy.hpp>
#include <fovea/train/loss/ssd.hpp>

using namespace fovea;
using namespace fovea::test;

namespace {

template <class Table>
void check_classifier(const golden_case& golden, const Table& table, const std::string& prefix, const array& input,
                      const std::vector<int>& labels, const cross_entropy_settings& settings = {}) {
    const runtime_training_program program(table);
    for (const bool recomputes : {false, true}) {
        INFO(golden.name << (recomputes ? ", recomputing" : ""));
        training_network net(program.view(), {static_cast<int>(labels.size()), recomputes, false});
        const shape s = image_shape(input.shape);
        net.plan(net.options(), s.height, s.width);
        net.set_dropout(false);
        net.parameters().load(training_weights(program.graph(), prefix));
        const std::vector<float> images = to_batch(input);
        net.forward(images.data());
        const double loss = cross_entropy<float>(net.output(0), static_cast<std::size_t>(table.num_classes), labels,
                                                 net.output_gradient(0), settings);
        net.backward();
        CHECK(compare(golden.output("loss"), array{{1}, std::vector<double>{loss}}));
        CHECK(check_gradients(golden, net) >= 200);
    }
}

} // namespace

TEST_CASE("MobileNetV3-Small's gradients are torch's") {
    const golden_case own = own_golden("train", "grad_mobilenet_v3_small_odd");
    check_classifier(own, tables::mobilenet_v3_small.with_classes(10), own.prefix, own.input(), {0, 3, 9, 3});
    if (const auto shared = shared_golden("components", "grad_mobilenet_v3_small")) {
        const shape_type extents{4, 3, 64, 64};
        const std::string prefix = shared->prefix;
        check_classifier(*shared, tables::mobilenet_v3_small, prefix,
                         {extents, fill_input(extents, input_rule::sym2, "input", prefix)}, {1, 1, 1, 1});
    }
}

TEST_CASE("EfficientNet-B0's gradients are torch's") {
    const auto golden = shared_golden("components", "grad_efficientnet_b0");
    if (!golden)
        return;
    const shape_type extents{4, 3, 64, 64};
    cross_entropy_settings settings;
    settings.label_smoothing = 0.1;
    check_classifier(*golden, tables::efficientnet_b0.with_classes(10), golden->prefix,
                     {extents, fill_input(extents, input_rule::sym2, "input", golden->prefix)}, {1, 3, 5, 7},
                     settings);
}

namespace {

std::vector<box> boxes_from(const array& a) {
    std::vector<box> boxes;
    for (std::size_t i = 0; i < a.shape.at(0); ++i) {
        const auto at = [&](std::size_t k) { return static_cast<float>(a.values[4 * i + k]); };
        boxes.push_back({at(0), at(1), at(2), at(3)});
    }
    return boxes;
}

// The golden's batch on the golden's network: four scenes, batch-norm with its running statistics.
class ssdlite_step {
public:
    explicit ssdlite_step(const golden_case& golden)
        : program_(table), net_(program_.view(), {4, false, false}),
          loss_(boxes_of(program_.graph(), table.boxes, net_.shape_of(0), [&](node_id i) { return net_.shape_of(i); }),
                21) {
        net_.parameters().load(training_weights(program_.graph(), golden.prefix, {0.85, {}}));
        net_.parameters().freeze_statistics([](std::string_view) { return true; });
        for (int i = 0; i < 4; ++i) {
            for (std::uint8_t pixel : scene(golden.prefix + "train" + std::to_string(i), 320, 320))
                images_.push_back((static_cast<float>(pixel) / 255.0F - 0.5F) / 0.5F);
            boxes_.push_back(boxes_from(golden.input("gt" + std::to_string(i))));
            const array labels = golden.input("labels" + std::to_string(i));
            labels_.emplace_back(labels.values.begin(), labels.values.end());
        }
    }
    ssd_loss_values run() {
        std::vector<ground_truth> truths;
        for (std::size_t i = 0; i < 4; ++i)
            truths.push_back({boxes_[i], labels_[i]});
        net_.parameters().zero_gradients();
        net_.forward(images_.data());
        const ssd_loss_values values =
            loss_(net_.output(0), net_.output(1), truths, net_.output_gradient(0), net_.output_gradient(1), ex_);
        net_.backward();
        return values;
    }
    training_network& net() { return net_; }

private:
    static constexpr auto table = tables::ssdlite320_mobilenet_v3_large.with_classes(21);

    thread_executor ex_{2};
    runtime_training_program program_;
    training_network net_;
    ssd_loss loss_;
    std::vector<float> images_;
    std::vector<std::vector<box>> boxes_;
    std::vector<std::vector<int>> labels_;
};

// A number of a convolution's output that the norm behind it puts next to a kink of hardswish, where the slope jumps by
// a half: on which side it falls is a matter of the last bit, and gradients in front of it differ by far more.
struct near_kink {
    int step;             // the convolution's
    std::ptrdiff_t place; // in its maps
    float across;         // what moves the number as far to the other side
};

std::vector<double> number_list(training_network& net, const std::string& key) {
    for (const training_parameters::placed& p : net.parameters().all())
        if (key_of(net.graph(), p.what).view() == key) {
            const auto all = is_buffer(p.what.kind) ? net.parameters().buffers() : net.parameters().values();
            const auto part = all.subspan(p.place, static_cast<std::size_t>(p.what.dims.size()));
            return {part.begin(), part.end()};
        }
    return {};
}

std::vector<near_kink> find_kinks(ssdlite_step& s) {
    constexpr double close = 4e-6;
    std::vector<near_kink> found;
    training_network& net = s.net();
    const graph_view g = net.graph();
    net.set_probe([&](int step, bool backward, image_range r, const float* z, const batch_layout& l) {
        const auto next = static_cast<std::size_t>(step) + 1;
        if (backward || next >= net.program().steps.size())
            return;
        const training_step& norm = net.program().steps[next];
        if (!is_norm(g[norm.node].kind) || norm.act != activation::hardswish)
            return;
        const std::string name = full_name(g.names, g[norm.node].name).str();
        const auto gamma = number_list(net, name + ".weight"), beta = number_list(net, name + ".bias"),
                   mean = number_list(net, name + ".running_mean"), var = number_list(net, name + ".running_var");
        for (int n = r.first; n < r.last; ++n)
            for (std::ptrdiff_t p = 0; p < l.map.pixels(); ++p)
                for (int c = 0; c < l.map.channels; ++c) {
                    const std::ptrdiff_t place = n * l.image_stride + p * l.map.stride + c;
                    const auto k = static_cast<std::size_t>(c);
                    const double slope = gamma[k] / std::sqrt(var[k] + 1e-3);
                    const double u = (static_cast<double>(z[place]) - mean[k]) * slope + beta[k];
                    const double distance = std::abs(u) - 3;
                    if (std::abs(distance) < close)
                        found.push_back({step, place, static_cast<float>(-2 * (u < 0 ? -distance : distance) / slope)});
                }
    });
    s.run();
    net.set_probe(nullptr);
    return found;
}

// Runs the step with some of the numbers moved across their kinks.
ssd_loss_values run_moved(ssdlite_step& s, const std::vector<near_kink>& moved) {
    s.net().set_probe([&](int step, bool backward, image_range r, const float* z, const batch_layout& l) {
        for (const near_kink& k : moved)
            if (!backward && k.step == step && k.place / l.image_stride >= r.first && k.place / l.image_stride < r.last)
                const_cast<float*>(z)[k.place] += k.across;
    });
    const ssd_loss_values values = s.run();
    s.net().set_probe(nullptr);
    return values;
}

// How far the gradients are off, in allowances beyond one.
double excess_of(const golden_case& golden, training_network& net) {
    double excess = 0;
    for (const golden_output& expected : golden.outputs)
        if (expected.name.rfind("grad.", 0) == 0)
            excess += std::max(
                0.0, compare(expected, numbers_of(net, expected.name.substr(5), true)).allowance_used - 1);
    return excess;
}

} // namespace

TEST_CASE("SSDLite320's loss and gradients are torch's", "[long]") {
    const auto golden = shared_golden("components", "train_ssdlite320");
    if (!golden)
        return;
    ssdlite_step step(*golden);
    std::vector<near_kink> moved;
    double excess = 1e30;
    for (const near_kink& k : find_kinks(step)) { // torch's side is found by trying
        std::vector<near_kink> trial = moved;
        trial.push_back(k);
        if (moved.empty()) {
            run_moved(step, {});
            excess = excess_of(*golden, step.net());
        }
        if (excess == 0)
            break;
        run_moved(step, trial);
        const double other = excess_of(*golden, step.net());
        if (other < 0.9 * excess) {
            moved = std::move(trial);
            excess = other;
        }
    }
    INFO(moved.size() << " numbers moved across a kink of hardswish");
    CHECK(moved.size() < 10);
    const ssd_loss_values values = run_moved(step, moved);
    CHECK(compare(golden->output("bbox_regression"), array{{1}, std::vector<double>{values.bbox_regression}}));
    CHECK(compare(golden->output("classification"), array{{1}, std::vector<double>{values.classification}}));
    CHECK(compare(golden->output("loss"), array{{1}, std::vector<double>{values.total()}}));
    CHECK(check_gradients(*golden, step.net()) >= 400);
}
