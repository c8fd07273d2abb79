// Networks: planning for other sizes, batches and executors; programs built at run time; executors; memory.
#include <fovea/models/mobilenet_v2.hpp>
#include <fovea/models/model.hpp>
#include <fovea/models/ssdlite.hpp>
#include <fovea/program/runtime_program.hpp>
#include <fovea/program/thread_executor.hpp>

#include <catch2/catch.hpp>

#include <atomic>
#include <limits>

using namespace fovea;

namespace {

constexpr auto narrow = tables::mobilenet_v3_small.with_width(0.35).with_classes(5).with_input(32, 32);

state_dict weights_for(graph_view g) {
    state_dict weights;
    float next = 0;
    for_each_parameter(g, [&](const parameter& p) {
        tensor t;
        t.name = key_of(g, p).str();
        for (int i = 0; i < p.dims.rank; ++i)
            t.shape.push_back(static_cast<std::size_t>(p.dims.extents[static_cast<std::size_t>(i)]));
        for (std::int64_t i = 0; i < p.dims.size(); ++i) {
            next = next > 0.3F ? -0.3F : next + 0.0137F;
            t.values.push_back(p.kind == parameter_kind::running_var ? 1 + next : next);
        }
        weights.insert(std::move(t));
    });
    return weights;
}

std::vector<float> image_for(const network& net) {
    std::vector<float> image(net.input_shape().size() * static_cast<std::size_t>(net.batch()));
    for (std::size_t i = 0; i < image.size(); ++i)
        image[i] = static_cast<float>(i % 31) / 15 - 1;
    return image;
}

std::vector<float> logits_of(network& net) {
    net.forward(image_for(net).data());
    return {net.output(0).begin(), net.output(0).end()};
}

std::string error_of_plan(network& net, int batch, int height, int width) {
    try {
        net.plan(batch, height, width);
    } catch (const input_error& e) {
        return e.what();
    }
    return "no error";
}

} // namespace

TEST_CASE("a network's memory is what its model type says") {
    using net_type = model<narrow>;
    const network net(net_type::program(), weights_for(net_type::graph));
    CHECK(net.workspace_bytes() == net_type::workspace_bytes);
    CHECK(net.packed_weight_bytes() == net_type::packed_weight_bytes);
    CHECK(net_type::parameter_bytes == 4 * static_cast<std::size_t>(net_type::parameter_count));
    CHECK(net_type::packed_weight_bytes < 2 * net_type::parameter_bytes);
    CHECK(net.input_shape() == shape{32, 32, 3});
    CHECK(net.batch() == 1);
    CHECK(net.output_floats(0) == 5);
}

TEST_CASE("sizes that cannot be planned are input errors and leave the network as it was") {
    using net_type = model<narrow>;
    network net(net_type::program(), weights_for(net_type::graph));
    const std::vector<float> before = logits_of(net);
    CHECK(error_of_plan(net, 0, 32, 32) == "a batch of 0 images; expected at least 1");
    CHECK(error_of_plan(net, -3, 32, 32) == "a batch of -3 images; expected at least 1");
    CHECK(error_of_plan(net, 1, 0, 32) == "an input of 0x32 pixels; expected 1x1 to 32768x32768");
    CHECK(error_of_plan(net, 1, 32, -32) == "an input of 32x-32 pixels; expected 1x1 to 32768x32768");
    CHECK(error_of_plan(net, 1, 1 << 30, 32) != "no error");
    CHECK(error_of_plan(net, 1, 32768, 32768) != "no error");
    CHECK(logits_of(net) == before);
    CHECK(error_of_plan(net, 1, 1, 1) == "no error");
    CHECK(error_of_plan(net, 2, 75, 33) == "no error");
    CHECK(logits_of(net).size() == 10);
    CHECK(error_of_plan(net, 1, 32, 32) == "no error");
    CHECK(logits_of(net) == before);
}

TEST_CASE("plans that need too much memory are input errors and leave the network as it was") {
    using net_type = model<narrow>;
    network net(net_type::program(), weights_for(net_type::graph));
    const std::vector<float> before = logits_of(net);
    const std::size_t workspace = net.workspace_bytes();
    constexpr int huge = std::numeric_limits<int>::max();
    CHECK_THAT(
        error_of_plan(net, huge, 32, 32),
        Catch::EndsWith(" + 2147483647 * 5 numbers at this size, batch and number of workers; expected "
                        "at most 2147483648"));
    // Five logits an image: the largest batch that fits is just below a fifth of the limit, without the
    // arena.
    REQUIRE(error_of_plan(net, static_cast<int>(network::max_floats / 5), 32, 32) != "no error");
    // Every map is small enough, their sum is not.
    REQUIRE_THROWS_WITH(net.plan(1, 32768, 16384, true), Catch::Contains("number of workers"));
    CHECK(error_of_plan(net, huge, 32768, 32768) != "no error");

    // A map as output, so that batch times size leaves 64 bits.
    const runtime_program features(narrow.without_classifier());
    network maps(features.view(), weights_for(features.graph()));
    CHECK(error_of_plan(maps, huge, 8192, 8192) != "no error");
    CHECK(maps.batch() == 1);

    CHECK(net.workspace_bytes() == workspace);
    CHECK(net.batch() == 1);
    CHECK(net.input_shape() == shape{32, 32, 3});
    CHECK(logits_of(net) == before);
}

namespace {

// Says it has more workers than memory can serve.
class crowd final : public executor {
public:
    int concurrency() const noexcept override { return std::numeric_limits<int>::max(); }
    void run(int count, const task& t) noexcept override { sequential_executor().run(count, t); }
};

} // namespace

TEST_CASE("an executor with too many workers is an input error and is not used") {
    using net_type = model<narrow>;
    network net(net_type::program(), weights_for(net_type::graph));
    const std::vector<float> before = logits_of(net);
    crowd all;
    CHECK_THROWS_AS(net.run_on(all), input_error);
    CHECK_NOTHROW(net.plan(1, 33, 32)); // for the calling thread, as before
    CHECK_NOTHROW(net.plan(1, 32, 32));
    CHECK(logits_of(net) == before);
}

TEST_CASE("executors may change, sizes too, and results do not depend on workers") {
    using net_type = model<narrow>;
    network net(net_type::program(), weights_for(net_type::graph));
    net.plan(2, 65, 49);
    const std::vector<float> expected = logits_of(net);
    for (int workers = 1; workers <= 4; ++workers) {
        thread_executor threads(workers);
        CHECK(threads.concurrency() == workers);
        network same(net_type::program(), weights_for(net_type::graph));
        same.run_on(threads);
        same.plan(2, 65, 49);
        CHECK(logits_of(same) == expected);
        CHECK(logits_of(same) == expected);
    }
}

TEST_CASE("a network can be moved") {
    using net_type = model<narrow>;
    network net(net_type::program(), weights_for(net_type::graph));
    const std::vector<float> expected = logits_of(net);
    network moved = std::move(net);
    CHECK(logits_of(moved) == expected);
}

TEST_CASE("not-a-number in an image stays visible in the logits") {
    using net_type = model<narrow>;
    network net(net_type::program(), weights_for(net_type::graph));
    std::vector<float> image = image_for(net);
    image[image.size() / 2] = std::numeric_limits<float>::quiet_NaN();
    net.forward(image.data());
    for (float logit : net.output(0))
        CHECK(std::isnan(logit));
}

TEST_CASE("tables of a user's own are networks, at compile time and at run time") {
    static constexpr tables::inverted_residual_v3 rows[] = {
        // in, k, exp, out, SE, activation, stride, dilation
        {8, 3, 8, 8, true, activation::relu, 2, 1},
        {8, 7, 32, 24, false, activation::silu, 2, 1},
        {24, 5, 60, 24, true, activation::hardswish, 1, 2},
    };
    static constexpr auto own =
        tables::mobilenet_v3_small.with_rows(rows, 64).with_classes(4).with_input(48, 40);
    network net(model<own>::program(), weights_for(model<own>::graph));
    const runtime_program program(own);
    network same(program.view(), weights_for(program.graph()));
    CHECK(logits_of(net) == logits_of(same));
    CHECK(logits_of(net).size() == 4);

    static constexpr auto detector = tables::ssdlite320_mobilenet_v3_large.with_classes(4).with_backbone(
        tables::mobilenet_v3_small.with_rows(rows, 64).with_input(160, 128));
    using detector_type = model<detector>;
    network boxes(detector_type::program(), weights_for(detector_type::graph));
    CHECK(logits_of(boxes).size() == boxes.output_floats(0));
    CHECK(boxes.output_floats(0) == boxes.output_floats(1)); // four classes, four coordinates
    CHECK(boxes.workspace_bytes() == detector_type::workspace_bytes);
}

TEST_CASE("a wrong table at run time is an input error in words") {
    tables::mobilenet_v3_table table = tables::mobilenet_v3_small;
    static constexpr tables::inverted_residual_v3 rows[] = {{16, 3, 16, 24, true, activation::relu, 2, 1},
                                                            {16, 3, 16, 24, true, activation::relu, 3, 1}};
    CHECK_THROWS_WITH(
        runtime_program(table.with_rows(rows)),
        "the model's table is wrong at node or row 1: a table row whose input channels differ from the "
        "previous row's output (got, want: channels); got 16, want 24");
    CHECK_THROWS_AS(runtime_program(table.with_rows({})), input_error);
    CHECK_THROWS_AS(runtime_program(table.with_classes(0)), input_error);
    CHECK_THROWS_AS(runtime_program(table.with_input(-1, 5)), input_error);
    tables::mobilenet_v2_table v2 = tables::mobilenet_v2;
    CHECK_THROWS_AS(runtime_program(v2.with_classes(-1)), input_error);
    CHECK_THROWS_AS(runtime_program(v2.with_rows({})), input_error);
    v2.round_nearest = 0;
    CHECK_THROWS_AS(runtime_program(v2), input_error);
    CHECK_THROWS_AS(runtime_program(tables::ssdlite320_mobilenet_v3_large.with_classes(0)), input_error);
}

TEST_CASE("an executor runs each task once, by a worker of its own") {
    thread_executor threads(3);
    for (int count : {0, 1, 2, 3, 100}) {
        std::vector<std::atomic<int>> runs(static_cast<std::size_t>(count));
        std::atomic<bool> in_range{true};
        parallel_for(threads, threads.concurrency(), count, [&](int i, int worker) {
            ++runs[static_cast<std::size_t>(i)];
            if (worker < 0 || worker >= 3)
                in_range = false;
        });
        for (const auto& r : runs)
            CHECK(r == 1);
        CHECK(in_range);
    }
    sequential_executor sequential;
    CHECK(sequential.concurrency() == 1);
    std::vector<int> order;
    parallel_for(sequential, 1, 4, [&](int i, int) { order.push_back(i); });
    CHECK(order == std::vector<int>{0, 1, 2, 3});
}

TEST_CASE("memory is aligned, zeroed and can be moved") {
    aligned_floats a(7);
    CHECK(reinterpret_cast<std::uintptr_t>(a.data()) % 64 == 0);
    for (std::size_t i = 0; i < a.size(); ++i)
        CHECK(a.data()[i] == 0);
    a.data()[3] = 5;
    const float* where = a.data();
    aligned_floats b(std::move(a));
    CHECK(b.data() == where);
    aligned_floats c(2);
    c = std::move(b);
    CHECK(c.data()[3] == 5);
    c.resize(3);
    CHECK(c.data()[2] == 0);
    CHECK(c.size() == 3);
}
