// Budgets answered by the compiler, against the published costs.
#include <fovea/models/efficientnet.hpp>
#include <fovea/models/fit.hpp>
#include <fovea/models/mobilenet_v2.hpp>
#include <fovea/models/mobilenet_v3.hpp>

#include <catch2/catch.hpp>

using namespace fovea;

namespace {

template <class Budget>
constexpr int coefficient = fit_number<tables::efficientnet, 0, 7, Budget>;

// The limit itself fits, one less does not.
static_assert(coefficient<mac_budget<385'814'752>> == 0);
static_assert(coefficient<mac_budget<686'802'831>> == 0);
static_assert(coefficient<mac_budget<686'802'832>> == 1);
static_assert(coefficient<mac_budget<2'000'000'000>> == 3);
static_assert(coefficient<mac_budget<no_limit>> == 7);
static_assert(coefficient<parameter_budget<10'000'000>> == 2);
static_assert(coefficient<parameter_budget<19'341'615>> == 3);
static_assert(coefficient<budget<2'000'000'000, 8'000'000>> == 1); // both limits count
static_assert(coefficient<budget<500'000'000, 100'000'000>> == 0);
static_assert(fit_number<tables::efficientnet_lite, 0, 4, mac_budget<1'000'000'000>> == 2);

constexpr auto& billion = fit<tables::efficientnet, 0, 7, mac_budget<1'000'000'000>>;
static_assert(billion.width_mult == tables::efficientnet_b1.width_mult && billion.height == 240);

// Repeats, as a detector's cells: blocks of the last stage.
constexpr tables::mbconv_stage repeated(int n) {
    return {2, 3, 1, 8, 8, n};
}
template <int N>
struct stages_of {
    static constexpr tables::mbconv_stage rows[] = {{1, 3, 1, 8, 8, 1}, repeated(N)};
};
constexpr tables::efficientnet_table with_repeats(int n) {
    const tables::mbconv_stage* const rows[] = {stages_of<1>::rows, stages_of<2>::rows, stages_of<3>::rows,
                                                stages_of<4>::rows};
    return tables::efficientnet_b0.with_rows({rows[n - 1], 2}).with_classes(10);
}
// 504 parameters a block: 8 to 16, depthwise and norms, squeeze-excite over 2, back to 8.
constexpr std::int64_t one_repeat = detail::network_cost<fit<with_repeats, 1, 1, mac_budget<no_limit>>>::parameters;
constexpr std::int64_t each = detail::network_cost<fit<with_repeats, 2, 2, mac_budget<no_limit>>>::parameters - one_repeat;
static_assert(fit_number<with_repeats, 1, 4, parameter_budget<one_repeat + 2 * each>> == 3);
static_assert(fit_number<with_repeats, 1, 4, parameter_budget<one_repeat + 2 * each - 1>> == 2);

// Tables of several types, smallest first.
constexpr auto& phone = fit_among<mac_budget<250'000'000>, tables::mobilenet_v3_small, tables::mobilenet_v3_large,
                                  tables::mobilenet_v2, tables::efficientnet_b0>::table;
static_assert(&phone == &tables::mobilenet_v3_large);
constexpr auto& small_file = fit_among<parameter_budget<4'000'000>, tables::mobilenet_v3_small, tables::mobilenet_v2,
                                       tables::efficientnet_b0>::table;
static_assert(&small_file == &tables::mobilenet_v2);

} // namespace

TEST_CASE("the table that fits is a table like any other") {
    builder<node_capacity(billion)> b;
    build_graph(b, billion);
    REQUIRE(b.first_fault().kind == fault::none);
    CHECK(count_macs(b.view()) == 686'802'832);
    CHECK(count_parameters(b.view()) == 7'794'184);
    CHECK(each == 16 * 8 + 2 * 16 + 9 * 16 + 2 * 16 + 2 * (16 * 2) + 2 + 16 + 8 * 16 + 2 * 8);
}
