// EfficientDet's parameters, multiply-adds and state-dict entries as compile-time constants: the published
// figures, and the counts of both ports.
#include <fovea/graph/cost.hpp>
#include <fovea/graph/params.hpp>
#include <fovea/models/efficientdet.hpp>
#include <fovea/models/fit.hpp>

using namespace fovea;

namespace {

struct detector_facts {
    std::int64_t parameters = 0, macs = 0;
    int entries = 0;

    constexpr bool operator==(const detector_facts& other) const {
        return parameters == other.parameters && macs == other.macs && entries == other.entries;
    }
};

// What the graph of a table amounts to; all zero for a wrong table.
template <const auto& Table>
constexpr detector_facts detector_facts_of() {
    builder<node_capacity(Table)> b;
    build_graph(b, Table);
    if (b.first_fault().kind != fault::none)
        return {};
    return {count_parameters(b.view()), count_macs(b.view()), count_state_entries(b.view())};
}

// zylo117's; 90 classes, each at its own size
static_assert(detector_facts_of<tables::efficientdet_d0>() == detector_facts{3'880'067, 2'492'331'520, 784});
static_assert(detector_facts_of<tables::efficientdet_d1>() == detector_facts{6'625'898, 6'003'416'880, 1004});
static_assert(detector_facts_of<tables::efficientdet_d2>() ==
              detector_facts{8'097'039, 10'832'466'688, 1076});
static_assert(detector_facts_of<tables::efficientdet_d3>() ==
              detector_facts{12'032'296, 24'568'753'664, 1270});
static_assert(detector_facts_of<tables::efficientdet_d4>() ==
              detector_facts{20'723'675, 54'583'712'096, 1474});
static_assert(detector_facts_of<tables::efficientdet_d5>() ==
              detector_facts{33'653'315, 134'133'865'152, 1622});
// with the weights of the sums, which nothing reads
static_assert(detector_facts_of<tables::efficientdet_d6>() ==
              detector_facts{51'871'934, 224'121'477'984, 1882});
static_assert(detector_facts_of<tables::efficientdet_d7>() ==
              detector_facts{51'871'934, 322'731'636'576, 1882});
static_assert(detector_facts_of<tables::efficientdet_d7x>() ==
              detector_facts{77'147'318, 407'628'345'344, 2274});

// effdet's, without them
static_assert(detector_facts_of<tables::tf_efficientdet_d0>() ==
              detector_facts{3'880'067, 2'492'331'520, 784});
static_assert(detector_facts_of<tables::tf_efficientdet_d7>() ==
              detector_facts{51'871'782, 322'731'636'576, 1818});
static_assert(detector_facts_of<tables::tf_efficientdet_d7x>() ==
              detector_facts{77'147'166, 407'628'345'344, 2210});

// effdet's own efficientdet_d0, which has no bias in front of a batch-norm
constexpr auto native_d0 = [] {
    auto t = tables::tf_efficientdet_d0;
    t.tf_same = t.pointwise_bias = false;
    return t.with_backbone(t.backbone);
}();
static_assert(detector_facts_of<native_d0>() == detector_facts{3'877'763, 2'492'331'520, 748});

// A budget picks the pyramid's cells, or the row.
constexpr tables::efficientdet_table with_cells(int n) {
    return tables::efficientdet_d0.with_cells(n);
}
static_assert(fit_number<with_cells, 1, 5, mac_budget<2'492'331'519>> == 2);
static_assert(fit_number<with_cells, 1, 5, mac_budget<2'492'331'520>> == 3);
static_assert(fit_number<with_cells, 1, 5, parameter_budget<3'918'998>> == 4);
static_assert(fit<with_cells, 1, 5, mac_budget<2'460'561'920>>.cells == 2);
static_assert(fit_number<tables::tf_efficientdet, 0, 3, mac_budget<20'000'000'000>> == 2);

// A wrong table has a fault.
template <const auto& Table>
constexpr fault_report detector_fault() {
    builder<node_capacity(Table)> b;
    build_graph(b, Table);
    return b.first_fault();
}
constexpr auto odd_side = tables::efficientdet_d0.with_input(512, 500),
               no_classes = tables::efficientdet_d0.with_classes(0),
               no_cells = tables::efficientdet_d0.with_cells(0);
static_assert(detector_fault<odd_side>().kind == fault::table_value &&
              detector_fault<odd_side>().got == 500 && detector_fault<odd_side>().want == 512);
static_assert(detector_fault<no_classes>().got == 0 && detector_fault<no_classes>().want == 1);
static_assert(detector_fault<no_cells>().kind == fault::table_value);

// A cell whose second node reads the third, and one of other levels than the table's.
constexpr tables::pyramid_cell forward_cell(int low, int high, weighting factors) {
    tables::pyramid_cell cell{low, high, {}};
    cell.nodes.push_back({low, {0, 1}, factors});
    cell.nodes.push_back({high, {high - low, high - low + 3}, factors});
    cell.nodes.push_back({low, {0}, factors});
    return cell;
}
constexpr tables::pyramid_cell narrow_cell(int low, int high, weighting factors) {
    return tables::fpn_cell(low, high - 1, factors);
}
constexpr auto reads_forward = tables::efficientdet_d0.with_cell(forward_cell, weighting::fast),
               too_narrow = tables::efficientdet_d0.with_cell(narrow_cell, weighting::fast);
static_assert(detector_fault<reads_forward>().kind == fault::no_such_input &&
              detector_fault<reads_forward>().node == 1 && detector_fault<reads_forward>().got == 7);
static_assert(detector_fault<too_narrow>().kind == fault::table_value);

// Cells as google/automl lists them (keras/fpn_configs.py), with levels 3 to 5.
constexpr bool same_nodes(const tables::pyramid_cell& cell,
                          std::initializer_list<std::pair<int, std::initializer_list<int>>> nodes) {
    if (cell.nodes.size() != nodes.size())
        return false;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        const auto& [level, inputs] = nodes.begin()[i];
        if (cell.nodes[i].level != level || cell.nodes[i].inputs.size() != inputs.size())
            return false;
        for (std::size_t k = 0; k < inputs.size(); ++k)
            if (cell.nodes[i].inputs[k] != inputs.begin()[k])
                return false;
    }
    return true;
}
static_assert(same_nodes(tables::bifpn_cell(3, 5, weighting::fast),
                         {{4, {1, 2}}, {3, {0, 3}}, {4, {1, 3, 4}}, {5, {2, 5}}}));
static_assert(same_nodes(tables::fpn_cell(3, 5, weighting::fast), {{5, {2}}, {4, {1, 3}}, {3, {0, 4}}}));
static_assert(same_nodes(tables::panet_cell(3, 5, weighting::fast),
                         {{5, {2}}, {4, {1, 3}}, {3, {0, 4}}, {3, {5}}, {4, {4, 6}}, {5, {3, 7}}}));

} // namespace
