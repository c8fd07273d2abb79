// Backward passes of feature pyramids against torch's numbers: weighted sums, resizes, pools, shared
// convolutions.
#include "program/training_case.hpp"

using namespace fovea;
using namespace fovea::test;

namespace {

// The maps of an output as an NCHW batch.
array output_maps(const training_network& net, std::size_t output, shape s) {
    array batch = make_batch(static_cast<std::size_t>(net.batch()), s);
    for (std::size_t n = 0; n < static_cast<std::size_t>(net.batch()); ++n) {
        const float* const image = net.output(output).data() + n * s.size();
        put_image(batch, n, std::vector<float>(image, image + s.size()));
    }
    return batch;
}

// Two maps with TensorFlow's padding, fused in each of BiFPN's ways, and a separable convolution that both
// share (tests/train/make_goldens.py, FusedLevels).
struct fused_levels_table {};

template <class Builder>
void build_graph(Builder& b, const fused_levels_table&) {
    const node_id stem = b.conv2d(b.input({14, 17, 3}), b.child(0, "stem"), 8, window::same_tf(3, 2));
    const node_id down = b.conv2d(stem, b.child(0, "down"), 8, window::same_tf(5, 2), 8, true);
    const node_id up = b.resize_like(down, stem, 0, {resize_method::mode_type::nearest});
    const auto silu = [&](node_id x) { return b.activate(x, 0, activation::silu); };
    const node_id fine = silu(b.weighted_sum({stem, up}, b.child(0, "p3_w1")));
    const node_id below = b.max_pool(fine, 0, window::same_tf(3, 2));
    const node_id zero = b.max_pool(fine, 0, window::same_tf(3, 2), false, pool_border::zero);
    const node_id inner = silu(b.weighted_sum({down, below, zero}, b.child(0, "p4_w2")));
    const node_id soft = b.weighted_sum({down, inner}, b.child(0, "p4_w1"), weighting::softmax);
    const node_id coarse = b.sum({soft, below, zero}, 0);
    const int norms = b.child(0, "bn");
    const node_id depthwise = b.conv2d(fine, b.child(0, "depthwise"), 8, window::same_tf(3), 8);
    const node_id pointwise = b.conv2d(depthwise, b.child(0, "pointwise"), 12, window{}, 1, true);
    b.part(b.output("fine", layout::map), silu(b.batch_norm(pointwise, b.child(norms, 0), 1e-3F)));
    const node_id shared = b.conv2d_shared(b.conv2d_shared(coarse, depthwise), pointwise);
    b.part(b.output("coarse", layout::map), silu(b.batch_norm(shared, b.child(norms, 1), 1e-3F)));
}

} // namespace

TEST_CASE("fused levels with shared convolutions have torch's gradients") {
    const golden_case golden = own_golden("train", "grad_fused_levels");
    const runtime_training_program program(fused_levels_table{}, 0.01F);
    const array input = golden.input();
    const std::vector<float> images = to_batch(input);
    for (const bool recomputes : {false, true}) {
        training_network net(program.view(), {3, recomputes, true});
        net.parameters().load(training_weights(program.graph(), golden.prefix));
        net.forward(images.data());
        for (std::size_t o = 0; o < 2; ++o) {
            const std::string name(net.graph().outputs[o].name);
            CHECK(
                compare(golden.output(name), output_maps(net, o, net.shape_of(net.graph().parts[o].value))));
            set_output_gradient(net, o, golden.input("upstream." + name));
        }
        net.backward();
        CHECK(check_gradients(golden, net) == 17);
        CHECK(compare(golden.output("grad_input.input"), input_gradient_of(net)));
    }
}

namespace {

// BiFPN's first cell as zylo117 has it (FACTS 9.3, efficientdet/model.py). A network has one input: its
// channels are those of p3, p4 and p5, the pixels of p4 and p5 repeated, and convolutions with ones and zeros
// take them apart.
struct bifpn_table {};

template <class Builder>
class bifpn_builder {
public:
    explicit bifpn_builder(Builder& b) : b_(b) {}

    void build() {
        const node_id image = b_.input({32, 16, 28});
        const node_id p3 = extract(image, "p3", 6, 1), p4 = extract(image, "p4", 10, 2),
                      p5 = extract(image, "p5", 12, 4);
        const node_id p6_in = pool(lateral(p5, "p5_to_p6")), p7_in = pool(p6_in);
        const node_id p3_in = lateral(p3, "p3_down_channel"), p4_in = lateral(p4, "p4_down_channel"),
                      p5_in = lateral(p5, "p5_down_channel");
        const node_id p6_up = fuse("conv6_up", "p6_w1", {p6_in, up(p7_in, p6_in)});
        const node_id p5_up = fuse("conv5_up", "p5_w1", {p5_in, up(p6_up, p5_in)});
        const node_id p4_up = fuse("conv4_up", "p4_w1", {p4_in, up(p5_up, p4_in)});
        const node_id p3_out = fuse("conv3_up", "p3_w1", {p3_in, up(p4_up, p3_in)});
        const node_id p4_again = lateral(p4, "p4_down_channel_2"),
                      p5_again = lateral(p5, "p5_down_channel_2");
        const node_id p4_out = fuse("conv4_down", "p4_w2", {p4_again, p4_up, pool(p3_out)});
        const node_id p5_out = fuse("conv5_down", "p5_w2", {p5_again, p5_up, pool(p4_out)});
        const node_id p6_out = fuse("conv6_down", "p6_w2", {p6_in, p6_up, pool(p5_out)});
        const node_id p7_out = fuse("conv7_down", "p7_w2", {p7_in, pool(p6_out)});
        for (node_id level : {p3_out, p4_out, p5_out, p6_out, p7_out})
            b_.part(b_.output("level", layout::map), level);
    }

private:
    node_id extract(node_id x, const char* level, int channels, int stride) {
        return b_.conv2d(x, b_.child(b_.child(0, "extract"), level), channels, {1, 1, stride, stride});
    }
    node_id lateral(node_id x, const char* label) {
        const int name = b_.child(0, label);
        x = b_.conv2d(x, b_.child(b_.child(name, 0), "conv"), 8, window{}, 1, true);
        return b_.batch_norm(x, b_.child(name, 1), 1e-3F);
    }
    node_id pool(node_id x) { return b_.max_pool(x, 0, window::same_tf(3, 2), false, pool_border::zero); }
    node_id up(node_id x, node_id like) {
        return b_.resize_like(x, like, 0, {resize_method::mode_type::nearest});
    }
    node_id fuse(const char* label, const char* weight, std::initializer_list<node_id> maps) {
        const int name = b_.child(0, label);
        node_id x = b_.activate(b_.weighted_sum(maps, b_.child(0, weight)), 0, activation::silu);
        x = b_.conv2d(x, b_.child(b_.child(name, "depthwise_conv"), "conv"), 8, window::same_tf(3), 8);
        x = b_.conv2d(x, b_.child(b_.child(name, "pointwise_conv"), "conv"), 8, window{}, 1, true);
        return b_.batch_norm(x, b_.child(name, "bn"), 1e-3F);
    }

    Builder& b_;
};

template <class Builder>
void build_graph(Builder& b, const bifpn_table&) {
    bifpn_builder<Builder>(b).build();
}

// The three maps as one input, [batch, 32, 16, 28].
std::vector<float> one_input(const array (&maps)[3]) {
    std::vector<float> images;
    for (std::size_t n = 0; n < maps[0].shape[0]; ++n)
        for (std::size_t y = 0; y < 32; ++y)
            for (std::size_t x = 0; x < 16; ++x)
                for (std::size_t level = 0; level < 3; ++level) {
                    const shape_type& s = maps[level].shape;
                    for (std::size_t c = 0; c < s[1]; ++c)
                        images.push_back(static_cast<float>(
                            maps[level]
                                .values[((n * s[1] + c) * s[2] + (y >> level)) * s[3] + (x >> level)]));
                }
    return images;
}

// Weights of the golden; those that take the input apart are ones at the channels of their map.
state_dict bifpn_weights(graph_view g, const std::string& prefix) {
    state_dict weights;
    std::size_t first = 0;
    for (tensor& t : training_weights(g, prefix).release()) {
        if (t.name.rfind("extract.", 0) == 0) {
            std::fill(t.values.begin(), t.values.end(), 0.0F);
            for (std::size_t c = 0; c < t.shape[0]; ++c)
                t.values[c * t.shape[1] + first + c] = 1;
            first += t.shape[0];
        }
        weights.insert(std::move(t));
    }
    return weights;
}

} // namespace

TEST_CASE("BiFPN's cell has the shared golden's gradients") {
    const auto golden = shared_golden("components", "grad_bifpn");
    if (!golden)
        return;
    const std::string prefix = "grad_bifpn:";
    const runtime_training_program program(bifpn_table{}, 0.01F);
    const array maps[3] = {golden->input("p3"), golden->input("p4"), golden->input("p5")};
    const std::vector<float> images = one_input(maps);
    for (const bool recomputes : {false, true}) {
        training_network net(program.view(), {2, recomputes, true});
        net.parameters().load(bifpn_weights(program.graph(), prefix));
        net.forward(images.data());
        for (std::size_t o = 0; o < 5; ++o) {
            const array maps_out = output_maps(net, o, net.shape_of(net.graph().parts[o].value));
            CHECK(compare(golden->output("out_p" + std::to_string(3 + o)), maps_out));
            set_output_gradient(net, o,
                                {maps_out.shape, fill_input(maps_out.shape, input_rule::sym2,
                                                            "up_y_" + std::to_string(o), prefix)});
        }
        net.backward();
        CHECK(check_gradients(*golden, net) == 100);
        array first = input_gradient_of(net), p3{maps[0].shape, std::vector<double>()};
        for (std::size_t i = 0; i < first.values.size(); ++i)
            if (i / (32 * 16) % 28 < 6)
                p3.values.push_back(first.values[i]);
        CHECK(compare(golden->output("grad_input"), p3));
    }
}
