// The models that fovea knows by name: the one list that the command line, tests and benchmarks walk through.
#pragma once

#include <fovea/io/labels.hpp>
#include <fovea/tables/mobilenet_v2.hpp>
#include <fovea/tables/mobilenet_v3.hpp>
#include <fovea/tables/ssdlite.hpp>
#include <fovea/tensor/view.hpp>

#include <boost/hana/for_each.hpp>
#include <boost/hana/tuple.hpp>

#include <string_view>

namespace fovea {

enum class model_task : unsigned char { classification, detection };

constexpr std::string_view name_of(model_task t) noexcept {
    return t == model_task::detection ? "detection" : "classification";
}

// A published weights file, as torchvision names it. Its name ends with the first digits of its SHA-256. Without a
// file the weights come with fovea, embedded in its command line.
struct published_weights {
    std::string_view tag; // torchvision's name of these weights, e.g. "IMAGENET1K_V2"
    std::string_view file;
    int resize = 0; // photos' shorter side before the crop, as these weights were evaluated; 0: as the table
};

inline constexpr std::string_view torchvision_url = "https://download.pytorch.org/models/";

// One model. `Table` also names a model type: classification_model<entry.table>.
template <const auto& Table>
struct zoo_entry {
    static constexpr const auto& table = Table;

    std::string_view name; // torchvision's
    model_task what = model_task::classification;
    span<const published_weights> weights{}; // those that fit the table; the first is the default
    span<const std::string_view> labels{};   // names of the classes, where they are no published list
};

// torchvision/models/mobilenetv2.py, mobilenetv3.py and detection/ssdlite.py, enumerations *_Weights; the last are our
// own.
inline constexpr published_weights mobilenet_v2_weights[] = {
    {"IMAGENET1K_V1", "mobilenet_v2-b0353104.pth"}, {"IMAGENET1K_V2", "mobilenet_v2-7ebf99e0.pth", 232}};
inline constexpr published_weights mobilenet_v3_large_weights[] = {
    {"IMAGENET1K_V1", "mobilenet_v3_large-8738ca79.pth"},
    {"IMAGENET1K_V2", "mobilenet_v3_large-5c1a4163.pth", 232}};
inline constexpr published_weights mobilenet_v3_small_weights[] = {
    {"IMAGENET1K_V1", "mobilenet_v3_small-047dcff4.pth"}};
inline constexpr published_weights ssdlite320_mobilenet_v3_large_weights[] = {
    {"COCO_V1", "ssdlite320_mobilenet_v3_large_coco-a79551df.pth"}};

inline constexpr published_weights ssdlite320_blood_cells_weights[] = {{"BCCD", ""}};

// Tables have different types: boost::hana::for_each(zoo, [](const auto& entry) { ... });
inline constexpr auto zoo = boost::hana::make_tuple(
    zoo_entry<tables::mobilenet_v2>{"mobilenet_v2", model_task::classification, mobilenet_v2_weights},
    zoo_entry<tables::mobilenet_v3_large>{"mobilenet_v3_large", model_task::classification,
                                          mobilenet_v3_large_weights},
    zoo_entry<tables::mobilenet_v3_small>{"mobilenet_v3_small", model_task::classification,
                                          mobilenet_v3_small_weights},
    zoo_entry<tables::ssdlite320_mobilenet_v3_large>{"ssdlite320_mobilenet_v3_large", model_task::detection,
                                                     ssdlite320_mobilenet_v3_large_weights},
    zoo_entry<tables::ssdlite320_blood_cells>{"ssdlite320_blood_cells", model_task::detection,
                                              ssdlite320_blood_cells_weights, blood_cell_labels});

} // namespace fovea
