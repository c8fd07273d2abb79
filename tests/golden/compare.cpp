#include "support/compare.hpp"
#include "support/golden.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

using namespace fovea::test;

namespace {

golden_output sampled_output(const std::string& name, const array& a) {
    golden_output golden;
    golden.name = name;
    golden.shape = a.shape;
    double sum = 0, squares = 0;
    golden.min = golden.max = a.values.front();
    for (double v : a.values) {
        sum += v;
        squares += v * v;
        golden.min = std::min(golden.min, v);
        golden.max = std::max(golden.max, v);
    }
    const double n = static_cast<double>(a.values.size());
    golden.mean = sum / n;
    golden.std = std::sqrt(squares / n - golden.mean * golden.mean);
    golden.l2 = std::sqrt(squares);
    for (std::size_t index : sample_indices(name, a.values.size()))
        golden.samples.push_back(a.values[index]);
    return golden;
}

} // namespace

TEST_CASE("whole arrays: each value within atol + rtol of the golden one") {
    golden_output golden = sampled_output("y", {{2, 3}, std::vector<double>{1, -2, 3, -4, 5, 10}});
    golden.full = array{{2, 3}, std::vector<double>{1, -2, 3, -4, 5, 10}};
    array got = *golden.full;
    CHECK(compare(golden, got));
    CHECK(compare(golden, got).max_error == 0);

    got.values[1] += 1.1e-3; // allowance without known noise: 1e-4 * 10 + 1e-4 * 2
    CHECK(compare(golden, got));
    CHECK(compare(golden, got).allowance_used == Approx(1.1 / 1.2));
    got.values[1] += 2e-4;
    CHECK_FALSE(compare(golden, got));

    golden.noise = 1e-6;
    got.values[1] = -2 + 2.2e-4; // 1e-6 * 10 + 20 * 1e-6 + 1e-4 * 2
    CHECK(compare(golden, got));
    got.values[1] = -2 + 2.4e-4;
    CHECK_FALSE(compare(golden, got));
    got.values[1] = std::numeric_limits<double>::quiet_NaN();
    CHECK_FALSE(compare(golden, got));
}

TEST_CASE("shapes must be equal and filled") {
    const array a{{2, 3}, std::vector<double>{1, 2, 3, 4, 5, 6}};
    const golden_output golden = sampled_output("y", a);
    CHECK_FALSE(compare(golden, array{{3, 2}, a.values}));
    CHECK_FALSE(compare(golden, array{{2, 3}, std::vector<double>{1, 2, 3}}));
    CHECK_THAT(compare(golden, array{{3, 2}, a.values}).report, Catch::Contains("[3, 2], expected [2, 3]"));
}

TEST_CASE("sampled outputs are also held to their statistics") {
    const auto values = fill_input({100, 100}, input_rule::sym2, "values");
    array got{{100, 100}, values};
    const golden_output golden = sampled_output("y", got);
    CHECK(compare(golden, got));

    std::vector<bool> sampled(values.size(), false);
    for (std::size_t index : sample_indices("y", values.size()))
        sampled[index] = true;
    for (std::size_t i = 0; i < values.size(); ++i)
        if (!sampled[i])
            got.values[i] += 0.01; // no sample sees it
    CHECK_FALSE(compare(golden, got));
    CHECK_THAT(compare(golden, got).report, Catch::Contains("mean"));

    got = array{{100, 100}, values};
    got.values[sample_indices("y", values.size())[5]] += 0.01; // hardly any statistic sees it
    CHECK_FALSE(compare(golden, got));
}

TEST_CASE("integers must be equal") {
    golden_output golden = sampled_output("labels", {{4}, std::vector<int>{1, 2, 3, 4}});
    golden.integer = true;
    golden.full = array{{4}, std::vector<int>{1, 2, 3, 4}};
    CHECK(compare(golden, {{4}, std::vector<int>{1, 2, 3, 4}}));
    CHECK_FALSE(compare(golden, {{4}, std::vector<int>{1, 2, 3, 5}}));
    tolerance limits;
    limits.int_mismatch = 0.25;
    CHECK(compare(golden, {{4}, std::vector<int>{1, 2, 3, 5}}, limits));
}

TEST_CASE("detections are compared as a set") {
    const array boxes{{2, 4}, std::vector<double>{10, 10, 60, 40, 100, 100, 120, 150}};
    const array scores{{2}, std::vector<double>{0.9, 0.5}}, labels{{2}, std::vector<int>{3, 7}};
    const golden_detections golden{"det", boxes, scores, labels, std::nullopt};
    CHECK(compare(golden, boxes, scores, labels));
    CHECK(compare(golden, {{2, 4}, std::vector<double>{100, 100, 120, 150.1, 10.1, 10, 60, 40}},
                  {{2}, std::vector<double>{0.501, 0.9}}, {{2}, std::vector<int>{7, 3}}));

    array moved = boxes, rescored = scores, renamed = labels;
    moved.values[0] += 0.2;
    rescored.values[1] += 0.003;
    renamed.values[1] = 8;
    CHECK_FALSE(compare(golden, moved, scores, labels));
    CHECK_FALSE(compare(golden, boxes, rescored, labels));
    CHECK_FALSE(compare(golden, boxes, scores, renamed));
    CHECK_FALSE(compare(golden, {{1, 4}, std::vector<double>{10, 10, 60, 40}},
                        {{1}, std::vector<double>{0.9}}, {{1}, std::vector<int>{3}}));
    CHECK_FALSE(compare(golden_detections{"none", {}, {}, {}, std::nullopt}, boxes, scores, labels));
    CHECK(compare(golden_detections{"none", {}, {}, {}, std::nullopt}, {}, {}, {}));
}

TEST_CASE("every shared golden that is kept whole passes against itself and fails when disturbed") {
    if (!golden_dir())
        return;
    std::size_t checked = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(*golden_dir() / "components")) {
        if (entry.path().filename() != "manifest.json")
            continue;
        INFO(entry.path());
        const golden_case golden = read_golden(entry.path());
        for (const golden_output& output : golden.outputs) {
            if (!output.full || output.full->values.empty())
                continue;
            ++checked;
            array got = *output.full;
            CHECK(compare(output, got));
            got.values.front() += output.integer
                                      ? 1
                                      : 0.01 * std::max(std::abs(output.min), std::abs(output.max)) + 1e-3 +
                                            40 * output.noise.value_or(0);
            CHECK_FALSE(compare(output, got));
        }
    }
    CHECK(checked > 300);
}

TEST_CASE("a shared manifest lists parameters that the fill reproduces") {
    const auto golden = shared_golden("models", "mobilenet_v3_small");
    if (!golden)
        return;
    CHECK(golden->model == "mobilenet_v3_small");
    CHECK(golden->param_count == 2542856);
    const auto parameters = golden->parameters();
    std::size_t count = 0;
    for (const auto& [name, shape, values] : parameters)
        if (name.find("running_") == std::string::npos && name.find("num_batches") == std::string::npos)
            count += values.size();
    CHECK(count == golden->param_count);
    CHECK(golden->input().values.size() == element_count(golden->inputs.front().shape));
    CHECK_THROWS_AS(golden->output("nothing"), std::out_of_range);
    CHECK_THROWS_AS(read_golden("/nowhere/manifest.json"), std::runtime_error);
}

TEST_CASE("the repository's own manifests keep what a model test needs") {
    CHECK(state_dict_hash({{"0.weight", {4, 3, 1, 1}}, {"1.num_batches_tracked", {}}}) ==
          0xf784689a50fcf905u);

    const golden_case model = own_golden("models", "mobilenet_v3_large_96");
    CHECK(model.model == "mobilenet_v3_large");
    CHECK(model.param_count == 5483032);
    CHECK(model.gain.of("features.0.0.weight") == 0.92);
    CHECK(model.input().shape == shape_type{1, 3, 96, 96});
    CHECK(model.output("logits").samples.size() == 64);
    CHECK(model.output("logits").noise.has_value());
    if (const auto shared = shared_golden("models", "mobilenet_v3_large"))
        CHECK(model.state_dict_hash == state_dict_hash(shared->state_dict));

    const golden_case pipeline = own_golden("models", "ssdlite320_scene");
    CHECK(pipeline.settings.at("score_thresh") == 0.555);
    CHECK(pipeline.inputs.front().image == "scene:street:240x320");
    CHECK(pipeline.gain.of("head.regression_head.module_list.0.1.weight") == 1.24);
    const golden_detections& found = pipeline.detection("det");
    REQUIRE(found.scores.values.size() == 24);
    CHECK(compare(found, found.boxes, found.scores, found.labels));
}
