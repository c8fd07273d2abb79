// Parameters, MACs and state-dict entries of every variant as compile-time constants: the published figures,
// and torchvision's own counts for the variants that are not published.
#include <fovea/graph/cost.hpp>
#include <fovea/graph/params.hpp>
#include <fovea/models/efficientnet.hpp>
#include <fovea/models/mobilenet_v2.hpp>
#include <fovea/models/ssdlite.hpp>

#include <catch2/catch.hpp>

using namespace fovea;

namespace {

struct network_facts {
    std::int64_t parameters = 0, macs = 0;
    int entries = 0;

    constexpr bool operator==(const network_facts& other) const {
        return parameters == other.parameters && macs == other.macs && entries == other.entries;
    }
};

// What the builder's graph of a table amounts to; all zero for a wrong table.
template <const auto& Table>
constexpr network_facts facts_of() {
    builder<node_capacity(Table)> b;
    build_graph(b, Table);
    if (b.first_fault().kind != fault::none)
        return {};
    return {count_parameters(b.view()), count_macs(b.view()), count_state_entries(b.view())};
}

// What its steps amount to: fusion neither loses a multiplication nor counts one twice.
template <const auto& Table>
constexpr std::int64_t macs_of_steps() {
    builder<node_capacity(Table)> b;
    build_graph(b, Table);
    std::int64_t macs = 0;
    const auto steps = fuse<node_capacity(Table)>(b.view());
    for (const step& s : steps.view())
        macs += count_macs(b.view(), s);
    return macs;
}

// MobileNetV2 @224
constexpr auto v2 = tables::mobilenet_v2;
constexpr auto v2_035 = v2.with_width(0.35), v2_050 = v2.with_width(0.5), v2_075 = v2.with_width(0.75),
               v2_130 = v2.with_width(1.3), v2_140 = v2.with_width(1.4);
static_assert(facts_of<v2>() == network_facts{3'504'872, 300'774'272, 314});
static_assert(facts_of<v2_035>() == network_facts{1'677'128, 59'285'808, 314});
static_assert(facts_of<v2_050>() == network_facts{1'968'680, 97'131'840, 314});
static_assert(facts_of<v2_075>() == network_facts{2'636'424, 209'069'792, 314});
static_assert(facts_of<v2_130>() == network_facts{5'386'792, 509'374'560, 314});
static_assert(facts_of<v2_140>() == network_facts{6'108'776, 582'195'824, 314});

static_assert(macs_of_steps<v2>() == 300'774'272);

// MobileNetV3-Large @224
constexpr auto large = tables::mobilenet_v3_large;
constexpr auto large_035 = large.with_width(0.35), large_050 = large.with_width(0.5),
               large_075 = large.with_width(0.75), large_125 = large.with_width(1.25),
               large_tail = large.with_reduced_tail(), large_dilated = large.with_dilation(),
               large_both = large_tail.with_dilation();
static_assert(facts_of<large>() == network_facts{5'483'032, 216'589'760, 312});
static_assert(facts_of<large_035>() == network_facts{997'064, 35'278'408, 312});
static_assert(facts_of<large_050>() == network_facts{1'734'576, 64'962'192, 312});
static_assert(facts_of<large_075>() == network_facts{3'377'576, 140'033'816, 312});
static_assert(facts_of<large_125>() == network_facts{8'164'744, 343'461'000, 312});
static_assert(facts_of<large_tail>() == network_facts{2'569'352, 182'302'720, 312});
static_assert(facts_of<large_dilated>() == network_facts{5'483'032, 354'816'800, 312});
static_assert(facts_of<large_both>() == network_facts{2'569'352, 224'427'040, 312});

// MobileNetV3-Small @224
constexpr auto small = tables::mobilenet_v3_small;
constexpr auto small_035 = small.with_width(0.35), small_050 = small.with_width(0.5),
               small_075 = small.with_width(0.75), small_125 = small.with_width(1.25),
               small_tail = small.with_reduced_tail(), small_dilated = small.with_dilation(),
               small_both = small_tail.with_dilation();
static_assert(facts_of<small>() == network_facts{2'542'856, 56'510'400, 244});
static_assert(facts_of<small_035>() == network_facts{558'744, 11'238'936, 244});
static_assert(facts_of<small_050>() == network_facts{917'264, 18'970'736, 244});
static_assert(facts_of<small_075>() == network_facts{1'653'920, 39'115'576, 244});
static_assert(facts_of<small_125>() == network_facts{3'644'912, 88'155'944, 244});
static_assert(facts_of<small_tail>() == network_facts{1'099'672, 43'763'584, 244});
static_assert(facts_of<small_dilated>() == network_facts{2'542'856, 106'509'216, 244});
static_assert(facts_of<small_both>() == network_facts{1'099'672, 59'131'552, 244});

// SSDLite320
constexpr auto ssdlite = tables::ssdlite320_mobilenet_v3_large;
constexpr auto ssdlite_voc = ssdlite.with_classes(21);
constexpr auto ssdlite_full_tail = ssdlite.with_backbone(large.with_input(320, 320));
static_assert(facts_of<ssdlite>() == network_facts{3'440'060, 583'171'904, 476});
static_assert(facts_of<ssdlite_voc>() == network_facts{2'469'860, 443'288'384, 476});
static_assert(facts_of<ssdlite_full_tail>() == network_facts{5'198'540, 689'751'104, 476});
static_assert(macs_of_steps<ssdlite>() == 583'171'904);
static_assert(facts_of<tables::ssdlite320_blood_cells>().parameters == 1'545'152); // shared/data/README.md

// EfficientNet, each at its own size
constexpr auto b2_260 = tables::efficientnet_b2.with_input(260, 260);
static_assert(facts_of<tables::efficientnet_b0>() == network_facts{5'288'548, 385'814'752, 360});
static_assert(facts_of<tables::efficientnet_b1>() == network_facts{7'794'184, 686'802'832, 508});
static_assert(facts_of<tables::efficientnet_b2>() == network_facts{9'109'994, 1'087'529'456, 508});
static_assert(facts_of<b2_260>() == network_facts{9'109'994, 993'561'872, 508});
static_assert(facts_of<tables::efficientnet_b3>() == network_facts{12'233'232, 1'827'141'392, 574});
static_assert(facts_of<tables::efficientnet_b4>() == network_facts{19'341'616, 4'393'771'024, 706});
static_assert(facts_of<tables::efficientnet_b5>() == network_facts{30'389'784, 10'266'384'752, 854});
static_assert(facts_of<tables::efficientnet_b6>() == network_facts{43'040'704, 19'067'593'536, 986});
static_assert(facts_of<tables::efficientnet_b7>() == network_facts{66'347'960, 37'745'884'192, 1200});
static_assert(macs_of_steps<tables::efficientnet_b0>() == 385'814'752);

// EfficientNet-Lite, each at its own size: timm's tf_efficientnet_lite0 to 4
static_assert(facts_of<tables::efficientnet_lite0>() == network_facts{4'652'008, 385'187'552, 296});
static_assert(facts_of<tables::efficientnet_lite1>() == network_facts{5'416'680, 600'185'232, 386});
static_assert(facts_of<tables::efficientnet_lite2>() == network_facts{6'092'072, 859'736'272, 386});
static_assert(facts_of<tables::efficientnet_lite3>() == network_facts{8'197'096, 1'383'321'872, 440});
static_assert(facts_of<tables::efficientnet_lite4>() == network_facts{13'006'568, 2'553'034'336, 548});

// Strides and channels of P3, P4 and P5 on an image of 512x512, as EfficientDet takes them.
template <const auto& Table>
constexpr bool has_levels(int p3, int p4, int p5) {
    builder<node_capacity(Table)> b;
    const backbone_taps taps = efficientnet_backbone(b, Table, b.input({512, 512, 3}), b.child(0, "backbone"));
    return b.first_fault().kind == fault::none && b.shape_of(taps.level[1]).height == 256 &&
           b.shape_of(taps.level[3]) == shape{64, 64, p3} && b.shape_of(taps.level[4]) == shape{32, 32, p4} &&
           b.shape_of(taps.level[5]) == shape{16, 16, p5} && taps.level[5] == taps.last && taps.level[6] == -1;
}
constexpr auto d2_backbone = tables::efficientnet_b2.with_same_padding().with_norm(1e-3F, 0.01F);
static_assert(has_levels<tables::efficientnet_b0>(40, 112, 320));
static_assert(has_levels<d2_backbone>(48, 120, 352));
static_assert(has_levels<tables::efficientnet_b4>(56, 160, 448));
static_assert(has_levels<tables::efficientnet_b6>(72, 200, 576));
static_assert(has_levels<tables::efficientnet_b7>(80, 224, 640));

// Whether the state dict of a table has a key.
template <const auto& Table>
constexpr bool has_key(std::string_view key) {
    builder<node_capacity(Table)> b;
    build_graph(b, Table);
    bool found = false;
    for_each_parameter(b.view(),
                       [&](const parameter& p) { found = found || key_of(b.view(), p).view() == key; });
    return found;
}
static_assert(has_key<small>("features.1.block.1.fc2.bias"));
static_assert(!has_key<small>("features.1.block.1.fc3.bias"));
static_assert(has_key<v2>("features.18.1.num_batches_tracked"));

constexpr auto b0 = tables::efficientnet_b0;
constexpr auto b0_port = b0.with_names(tables::efficientnet_names::port),
               b0_zylo117 = b0.with_names(tables::efficientnet_names::zylo117),
               b0_timm = b0.with_names(tables::efficientnet_names::timm);

// How many of the keys a table has.
template <const auto& Table, std::size_t Count>
std::size_t count_keys(const char* const (&keys)[Count]) {
    std::size_t found = 0;
    for (const char* key : keys)
        if (has_key<Table>(key))
            ++found;
    return found;
}

} // namespace

TEST_CASE("names of EfficientNet's parameters are the reference's that the table asks for") {
    const char* const torchvision[] = {
        "features.0.1.bias",           "features.1.0.block.0.0.weight", "features.1.0.block.1.fc1.bias",
        "features.1.0.block.2.1.bias", "features.4.2.block.3.0.weight", "features.8.0.weight",
        "classifier.1.weight"};
    const char* const port[] = {"_conv_stem.weight",
                                "_bn0.running_var",
                                "_blocks.0._depthwise_conv.weight",
                                "_blocks.0._bn1.bias",
                                "_blocks.1._expand_conv.weight",
                                "_blocks.15._se_reduce.bias",
                                "_blocks.15._bn2.weight",
                                "_conv_head.weight",
                                "_bn1.bias",
                                "_fc.bias"};
    const char* const zylo117[] = {"_conv_stem.conv.weight",
                                   "_blocks.0._depthwise_conv.conv.weight",
                                   "_blocks.1._expand_conv.conv.weight",
                                   "_blocks.15._se_expand.conv.bias",
                                   "_blocks.15._project_conv.conv.weight",
                                   "_bn0.weight"};
    const char* const timm[] = {"conv_stem.weight",
                                "bn1.bias",
                                "blocks.0.0.conv_dw.weight",
                                "blocks.0.0.conv_pw.weight",
                                "blocks.0.0.bn2.bias",
                                "blocks.1.0.conv_pwl.weight",
                                "blocks.5.3.bn3.running_mean",
                                "blocks.6.0.se.conv_reduce.bias",
                                "conv_head.weight",
                                "bn2.weight",
                                "classifier.bias"};
    CHECK(count_keys<b0>(torchvision) == 7);
    CHECK(count_keys<b0_port>(port) == 10);
    CHECK(count_keys<b0_zylo117>(zylo117) == 6);
    CHECK(count_keys<b0_timm>(timm) == 11);
    CHECK_FALSE(has_key<b0_port>("_blocks.0._expand_conv.weight"));
    CHECK_FALSE(has_key<b0_timm>("blocks.0.0.bn3.weight"));
}

TEST_CASE("names of SSDLite's parameters are torchvision's") {
    for (const char* key : {"backbone.features.0.0.0.weight", "backbone.features.0.13.1.running_var",
                            "backbone.features.1.0.3.1.running_var", "backbone.features.1.3.0.weight",
                            "backbone.extra.3.2.1.bias", "head.classification_head.module_list.0.0.0.weight",
                            "head.regression_head.module_list.5.1.bias"}) {
        INFO(key);
        CHECK(has_key<ssdlite>(key));
    }
    CHECK_FALSE(has_key<ssdlite>("backbone.features.1.0.0.0.weight")); // the expansion belongs to features.0
}
