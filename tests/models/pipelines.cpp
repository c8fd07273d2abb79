// From a photo to class probabilities and boxes: the reference's transforms, networks and post-processing end
// to end.
#include "support.hpp"

#if FOVEA_TEST_IMAGES
#include <cstdlib>
#endif

using namespace fovea;
using namespace fovea::test;

namespace {

void check_detections(const golden_case& golden) {
    INFO(golden.name);
    const auto photo = photo_of(golden);
    if (!photo)
        return;
    using net = ssdlite320_mobilenet_v3_large<>;
    auto model = load<net>(weights_of(golden, net::graph));
    ssd_decoder_settings settings = model.settings().decoder;
    settings.score_thresh = static_cast<float>(golden.settings.at("score_thresh"));
    settings.nms_thresh = golden.settings.at("nms_thresh");
    model.set_decoder(settings);
    const detection_arrays found(model.detect(*photo));
    CHECK(compare(golden.detection("det"), found.boxes, found.scores, found.labels));
}

array floats_of(const std::filesystem::path& file) {
    return test::read_npy(file);
}

double largest_difference(span<const float> got, const array& expected) {
    REQUIRE(got.size() == expected.values.size());
    double largest = 0;
    for (std::size_t i = 0; i < got.size(); ++i)
        largest = std::max(largest, std::abs(static_cast<double>(got[i]) - expected.values[i]));
    return largest;
}

} // namespace

TEST_CASE("a classifier sees a photo as torchvision's presets do") {
    const auto golden = shared_golden("pipelines", "pipe_mobilenet_v3_large_scene");
    if (!golden)
        return;
    using net = mobilenet_v3_large<>;
    const image photo = *photo_of(*golden);
    const state_dict weights = weights_of(*golden, net::graph);
    auto as_pillow = load<net>(weights);
    preset tensor = net::input_preset;
    tensor.sampler = resampler::tensor;
    classifier as_tensor(net::program(), tensor, weights);
    const auto logits = [&](classifier& c) {
        const span<const float> found = c.forward(photo);
        return array({1, found.size()}, std::vector<float>(found.begin(), found.end()));
    };
    CHECK(compare(golden->output("logits_pil"), logits(as_pillow)));
    CHECK(compare(golden->output("logits"), logits(as_tensor)));
}

TEST_CASE("an EfficientNet sees a photo as torchvision's bicubic presets do") {
    const auto golden = shared_golden("pipelines", "pipe_efficientnet_b0_scene");
    if (!golden)
        return;
    const runtime_program program(tables::efficientnet_b0);
    const image photo = *photo_of(*golden);
    const state_dict weights = weights_of(*golden, program.graph());
    const preset as_pillow = classifier_preset(tables::efficientnet_b0);
    preset as_tensor = as_pillow;
    as_tensor.sampler = resampler::tensor;
    const std::pair<const char*, preset> cases[] = {{"logits_pil", as_pillow}, {"logits", as_tensor}};
    for (const auto& [output, input] : cases) {
        classifier model(program.view(), input, weights);
        const span<const float> found = model.forward(photo);
        CHECK(compare(golden->output(output),
                      array({1, found.size()}, std::vector<float>(found.begin(), found.end()))));
    }
}

#if FOVEA_TEST_IMAGES
namespace {

// A published weights file where it is: in the shared data, or where `fovea fetch` puts it.
std::optional<std::filesystem::path> published_file(const std::string& name) {
    std::vector<std::filesystem::path> folders{shared_data / "weights"};
    if (const char* cache = std::getenv("FOVEA_CACHE"))
        folders.emplace_back(cache);
    if (const char* home = std::getenv("HOME"))
        folders.push_back(std::filesystem::path(home) / ".cache/fovea");
    for (const auto& folder : folders)
        if (std::filesystem::exists(folder / name))
            return folder / name;
    return std::nullopt;
}

} // namespace

TEST_CASE("the published EfficientNet-Lite0 weights name what is in the photos") {
    const auto weights = published_file("efficientnet-lite0-57934424.pth");
    if (!weights) {
        WARN("skipped: no efficientnet-lite0-57934424.pth; `fovea fetch efficientnet_lite0` gets it");
        return;
    }
    const runtime_program program(tables::efficientnet_lite0);
    classifier model(program.view(), classifier_preset(tables::efficientnet_lite0), read_weights(*weights));
    struct known_photo {
        const char *file, *label;
        double probability; // of the PyTorch port
    };
    constexpr known_photo photos[] = {{"coral_hot_dog.jpg", "hotdog", 0.970},
                                      {"coral_parrot.jpg", "macaw", 0.896},
                                      {"tflitesupport_burger.jpg", "cheeseburger", 0.890},
                                      {"tflitesupport_multi_objects.jpg", "soccer ball", 0.780}};
    for (const known_photo& photo : photos) {
        INFO(photo.file);
        if (!std::filesystem::exists(shared_data / "photos" / photo.file)) {
            WARN("skipped: no photo " << photo.file);
            continue;
        }
        const auto best = model.classify(read_image(shared_data / "photos" / photo.file), 1);
        CHECK(model.name(best.at(0).label) == photo.label);
        CHECK(static_cast<double>(best.at(0).score) == Approx(photo.probability).margin(0.01));
    }
}
#endif

TEST_CASE("a classifier names the most probable classes, best first") {
    const auto golden = own_golden("models", "mobilenet_v3_small_96");
    using net = mobilenet_v3_small<>;
    auto model = load<net>(weights_of(golden, net::graph));
    const std::vector<std::uint8_t> pixels = scene("classes", 90, 120);
    const image_view photo(pixels.data(), 120, 90);
    const auto best = model.classify(photo, 3);
    const auto all = model.classify(photo, 5000);
    REQUIRE(best.size() == 3);
    REQUIRE(all.size() == 1000);
    double sum = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
        sum += static_cast<double>(all[i].score);
        CHECK((i == 0 || all[i - 1].score >= all[i].score));
    }
    CHECK(sum == Approx(1).epsilon(1e-5));
    CHECK(best[2].label == all[2].label);
    CHECK(model.name(0) == "tench");
    CHECK_THROWS_AS(model.classify(image_view()), input_error);
}

TEST_CASE("photos are refused while the network is planned for something else") {
    const auto golden = own_golden("models", "mobilenet_v3_small_96");
    auto model = load<mobilenet_v3_small<>>(weights_of(golden, mobilenet_v3_small<>::graph));
    const std::vector<std::uint8_t> pixels = scene("classes", 90, 120);
    const image_view photo(pixels.data(), 120, 90);
    const span<const float> logits = model.forward(photo);
    const std::vector<float> before(logits.begin(), logits.end());
    model.network().plan(2, 224, 224);
    CHECK_THROWS_WITH(model.forward(photo),
                      "a photo for a network that is planned for batches of 2; expected 1");
    model.network().plan(1, 256, 256);
    CHECK_THROWS_AS(model.classify(photo), input_error);
    model.network().plan(1, 224, 224);
    const span<const float> after = model.forward(photo);
    CHECK(std::vector<float>(after.begin(), after.end()) == before);

    // A preset of another size goes with a plan of that size.
    preset larger = mobilenet_v3_small<>::input_preset;
    larger.height = larger.width = 256;
    larger.shorter = 256;
    classifier wide(mobilenet_v3_small<>::program(), larger, weights_of(golden, mobilenet_v3_small<>::graph));
    CHECK_THROWS_AS(wide.forward(photo), input_error);
    wide.network().plan(1, 256, 256);
    CHECK(wide.forward(photo).size() == 1000);
}

TEST_CASE("a detector keeps its settings when new ones are refused") {
    using net = ssdlite320_mobilenet_v3_large<>;
    auto model = load<net>(weights_of(own_golden("models", "ssdlite320_scene"), net::graph));
    const std::vector<std::uint8_t> pixels = scene("boxes", 120, 160);
    const image_view photo(pixels.data(), 160, 120);
    model.set_score_threshold(0.02F);
    const auto found = [&] { return detection_arrays(model.detect(photo)).scores.values; };
    const std::vector<double> before = found();
    REQUIRE(!before.empty());
    for (float threshold : {-0.1F, 1.5F, std::numeric_limits<float>::quiet_NaN()}) {
        CHECK_THROWS_AS(model.set_score_threshold(threshold), input_error);
        CHECK(model.settings().decoder.score_thresh == 0.02F);
    }
    ssd_decoder_settings wrong = model.settings().decoder;
    wrong.nms_thresh = -1;
    wrong.detections_per_img = 1;
    CHECK_THROWS_AS(model.set_decoder(wrong), input_error);
    CHECK(model.settings().decoder.nms_thresh == 0.55);
    CHECK(model.settings().decoder.detections_per_img == 300);
    CHECK(found() == before);
    model.network().plan(2, 320, 320);
    CHECK_THROWS_AS(model.detect(photo), input_error);
}

TEST_CASE("SSDLite finds torchvision's boxes") {
    check_detections(own_golden("models", "ssdlite320_scene"));
    for (const char* name : {"pipe_ssdlite320_scene", "pipe_ssdlite320_photo", "pipe_ssdlite320_photo2"})
        if (const auto golden = shared_golden("pipelines", name))
            check_detections(*golden);
}

TEST_CASE("the published SSDLite weights give torchvision's logits and boxes on photos") {
    const auto weights = shared_data / "weights/ssdlite320_coco", goldens = shared_data / "golden/ssdlite320";
    if (!std::filesystem::exists(weights))
        return;
    for (const char* file : {"ssdlite320_mobilenet_v3_large_coco_dequant.safetensors",
                             "ssdlite320_mobilenet_v3_large_coco_int8_fbgemm.pth"}) {
        auto model = load<ssdlite320_mobilenet_v3_large<>>(weights / file);
        for (const char* photo : {"image_2", "image_10"}) {
            INFO(file << " " << photo);
            const auto golden = [&](const char* what) {
                return floats_of(goldens / (std::string(photo) + "_" + what + ".npy"));
            };
            forward(model.network(), golden("net_input_1x3x320x320"));
            CHECK(largest_difference(model.network().output(0), golden("cls_logits")) < 1e-3);
            CHECK(largest_difference(model.network().output(1), golden("bbox_regression")) < 1e-3);

            const array rgb = golden("rgb_u8_chw");
            const std::size_t height = rgb.shape[1], width = rgb.shape[2];
            const auto pixels = image_of<std::uint8_t>({{1, 3, height, width}, rgb.values}, 0);
            const detection_arrays found(model.detect({pixels.data(), width, height}));
            const array boxes = golden("boxes_xyxy"), scores = golden("scores"), labels = golden("labels");
            const golden_detections expected{"det", boxes, scores, labels, std::nullopt};
            REQUIRE(found.scores.values.size() == scores.values.size());
            tolerance limits;
            limits.box_atol = 0.05;
            limits.score_atol = 1e-4;
            limits.min_match = 1;
            CHECK(compare(expected, found.boxes, found.scores, found.labels, limits));
        }
    }
}

TEST_CASE("the published MobileNetV3-Small weights give torchvision's features") {
    const auto weights = shared_data / "weights/mobilenet_v3_small_features",
               goldens = shared_data / "golden/mobilenet_v3_small";
    if (!std::filesystem::exists(weights))
        return;
    const runtime_program program(tables::mobilenet_v3_small.without_classifier());
    load_options renamed;
    renamed.rename = {{"0.", "features."}};
    const std::pair<const char*, load_options> files[] = {
        {"mobilenet_v3_small_imagenet1k_v1_features.safetensors", {}}, {"mobilenetv3_embed.pt", renamed}};
    for (const auto& [file, options] : files) {
        network net(program.view(), read_weights(weights / file), options);
        for (const char* photo : {"dog2", "parrot"}) {
            INFO(file << " " << photo);
            forward(net, floats_of(goldens / (std::string(photo) + "_input_1x3x224x224.npy")));
            const array features = floats_of(goldens / (std::string(photo) + "_features_1x576x7x7.npy"));
            const array got = output_of(net, 0, features.shape);
            // Features are up to 25. From torch's pass in double torch's own is 4e-5 away, fovea's 5e-5
            // to 1.0e-4, by the instruction set: rounding of sums of up to 576 products, 52 layers deep.
            const double largest = *std::max_element(features.values.begin(), features.values.end());
            CHECK(largest_difference(std::vector<float>(got.values.begin(), got.values.end()), features) <
                  1e-5 * largest);
            CHECK(largest_difference(net.output(1), floats_of(goldens / (std::string(photo) +
                                                                         "_embedding_1x576.npy"))) < 1e-4);
        }
    }
}
