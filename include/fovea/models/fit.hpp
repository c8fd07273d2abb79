// A budget answered at compile time: the largest network of a family that keeps a limit of multiply-adds or parameters.
// The network is any table with a build_graph(); kernels are not looked at.
#pragma once

#include <fovea/graph/build.hpp>
#include <fovea/graph/cost.hpp>
#include <fovea/graph/params.hpp>

#include <cstdint>
#include <limits>
#include <type_traits>

namespace fovea {

inline constexpr std::int64_t no_limit = std::numeric_limits<std::int64_t>::max();

// What a network may cost: MACs of convolutions and linear layers for one image of the table's own size, and learnable
// parameters.
template <std::int64_t Macs, std::int64_t Parameters = no_limit>
struct budget {
    static constexpr std::int64_t macs = Macs, parameters = Parameters;
};
template <std::int64_t Macs>
using mac_budget = budget<Macs>;
template <std::int64_t Parameters>
using parameter_budget = budget<no_limit, Parameters>;

// Instantiated when nothing fits, with what the smallest network costs:
//     error: ... fit_error<385814752, 100000000, 5288548, 9223372036854775807> ... "fovea: no network fits the budget ..."
template <std::int64_t Macs, std::int64_t MostMacs, std::int64_t Parameters, std::int64_t MostParameters>
struct fit_error {
    static_assert(Macs <= MostMacs && Parameters <= MostParameters,
                  "fovea: no network fits the budget; fit_error<MACs, limit, parameters, limit> above says what the "
                  "first one of the family costs");
    static constexpr bool ok = true;
};

namespace detail {

// What the network of a table costs. A wrong table is the error that it is for a model type.
template <const auto& Table>
struct network_cost {
    static constexpr const auto& table = Table;
    static constexpr auto built = build<Table>();
    static constexpr fault_report first_fault = built.first_fault();
    static_assert(graph_error<first_fault.kind, first_fault.node, first_fault.got, first_fault.want>::ok);
    static constexpr std::int64_t macs = count_macs(built.view());
    static constexpr std::int64_t parameters = count_parameters(built.view());

    template <class Budget>
    static constexpr bool fits = (macs <= Budget::macs) && (parameters <= Budget::parameters);
};

// Costs of a family's members by number: of what a function makes of it, or of the tables of a list.
template <auto TableOf>
struct function_family {
    template <int I>
    static constexpr auto table = TableOf(I);
    template <int I>
    using cost = network_cost<table<I>>;
};
template <int I, const auto& First, const auto&... Rest>
constexpr auto listed_cost() noexcept {
    if constexpr (I == 0)
        return network_cost<First>{};
    else
        return listed_cost<I - 1, Rest...>();
}
template <const auto&... Tables>
struct listed_family {
    template <int I>
    using cost = decltype(listed_cost<I, Tables...>());
};

// The last member from I down to First that fits; First - 1 when none does.
template <class Family, class Budget, int First, int I>
constexpr int last_fitting() noexcept {
    if constexpr (I < First)
        return I;
    else if constexpr (Family::template cost<I>::template fits<Budget>)
        return I;
    else
        return last_fitting<Family, Budget, First, I - 1>();
}

struct no_error {
    static constexpr bool ok = true;
};

// The member that is chosen, and the one place where a budget that nothing fits becomes a compile error.
template <class Family, class Budget, int First, int Last>
struct choice {
    static_assert(First <= Last, "fovea: a family without members");
    static constexpr int found = last_fitting<Family, Budget, First, Last>();
    static constexpr int number = found < First ? First : found;
    using cost = typename Family::template cost<number>;
    using error = fit_error<cost::macs, Budget::macs, cost::parameters, Budget::parameters>;
    static_assert(std::conditional_t<found < First, error, no_error>::ok);
};

} // namespace detail

// The largest number from First to Last whose table, TableOf(number), keeps the budget; numbers are tried from the last
// one down. TableOf: a constexpr function. One compile error, a fit_error, when none does.
template <auto TableOf, int First, int Last, class Budget>
inline constexpr int fit_number = detail::choice<detail::function_family<TableOf>, Budget, First, Last>::number;

// That table, with static storage: an argument for a model type.
//     using net = fovea::efficientnet_b0<fovea::fit<fovea::tables::efficientnet, 0, 7, fovea::mac_budget<1'000'000'000>>>;
template <auto TableOf, int First, int Last, class Budget>
inline constexpr auto fit = TableOf(fit_number<TableOf, First, Last, Budget>);

// The last of some tables that keeps the budget, as ::table; list them smallest first. Their types may differ.
template <class Budget, const auto&... Tables>
struct fit_among {
private:
    static constexpr int last = static_cast<int>(sizeof...(Tables)) - 1;
    using choice = detail::choice<detail::listed_family<Tables...>, Budget, 0, last>;

public:
    static constexpr int number = choice::number;
    static constexpr const auto& table = choice::cost::table;
};

} // namespace fovea
