// Group-norm at inference against the scalar reference.
#include "map_case.hpp"
#include "support/executors.hpp"

#include <fovea/kernels/kernel_table.hpp>
#include <fovea/kernels/reference/norm.hpp>

using namespace fovea;
using namespace fovea::test;

namespace {

struct group_norm_run {
    layer l;
    std::vector<float> input, weight, bias, packed;

    group_norm_run(shape s, int groups, float mean = 0) {
        l.in = l.out = padded_map(s);
        l.groups = groups;
        l.epsilon = 1e-5F;
        input = random_numbers(s.size(), 2);
        for (float& x : input)
            x += mean;
        weight = random_numbers(static_cast<std::size_t>(s.channels), 2);
        bias = random_numbers(static_cast<std::size_t>(s.channels));
        packed.resize(group_norm_kernel::packed_floats(l));
        group_norm_kernel::pack(l, {weight, bias}, packed.data());
    }
    std::vector<float> run(executor& ex) const {
        const std::vector<float> x = with_stride(input, l.in.channels, l.in.stride);
        std::vector<float> output(x.size());
        aligned_floats scratch(group_norm_kernel::scratch_floats(l, false));
        operands o;
        o.input = x.data();
        o.weights = packed.data();
        o.output = output.data();
        o.scratch = scratch.data();
        group_norm_kernel::run(l, o, ex);
        std::vector<float> dense;
        for (std::size_t i = 0; i < output.size(); ++i)
            if (i % static_cast<std::size_t>(l.out.stride) < static_cast<std::size_t>(l.out.channels))
                dense.push_back(output[i]);
        return dense;
    }
    std::vector<float> expected() const {
        std::vector<float> output(input.size());
        const std::array<std::size_t, 2> rows{static_cast<std::size_t>(l.in.pixels()),
                                              static_cast<std::size_t>(l.in.channels)};
        reference::group_norm<float>({input.data(), rows}, l.groups, weight, bias,
                                     static_cast<double>(l.epsilon), {output.data(), rows});
        return output;
    }
};

void check_group_norm(const group_norm_run& r, executor& ex, float error = 4e-6F) {
    const std::vector<float> got = r.run(ex), expected = r.expected();
    REQUIRE(got.size() == expected.size());
    for (std::size_t i = 0; i < got.size(); ++i)
        REQUIRE(std::abs(got[i] - expected[i]) <= error * (1 + std::abs(expected[i])));
}

} // namespace

TEST_CASE("group-norm agrees with the reference for any channels and groups") {
    sequential_executor ex;
    for (int channels = 1; channels <= 40; ++channels)
        for (int groups = 1; groups <= channels; ++groups)
            if (channels % groups == 0)
                check_group_norm({{5, 7, channels}, groups}, ex);
    for (const shape& s : {shape{3, 1, 16}, {33, 31, 8}, {80, 80, 24}, {9, 9, 136}})
        check_group_norm({s, 4}, ex);
}

TEST_CASE("group-norm is precise far away from zero") {
    sequential_executor ex;
    check_group_norm({{20, 21, 12}, 3, 1000}, ex, 1e-3F); // the input's own rounding is 6e-5 of its spread
}

TEST_CASE("group-norm is the same bits on every executor") {
    const group_norm_run r({60, 61, 40}, 5);
    sequential_executor sequential;
    const std::vector<float> expected = r.run(sequential);
    for (const named_executor& e : all_executors()) {
        INFO(e.name);
        CHECK(r.run(*e.runs) == expected);
    }
}

TEST_CASE("group-norm is chosen for its operator") {
    builder<4> b;
    const node_id norm = b.group_norm(b.input({4, 3, 8}), b.child(0, "norm"), 2);
    b.part(b.output("map", layout::map), norm);
    step s;
    s.node = s.value = norm;
    s.input = 0;
    CHECK(select_kernel(b.view(), s) == kernel_id::group_norm);
    CHECK(std::string(kernel_table[static_cast<std::size_t>(kernel_id::group_norm)].name) == "group_norm");
}
