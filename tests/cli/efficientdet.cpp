// EfficientDet on the command line: raw outputs, photos, classes, and both ports' weights.
#include "program.hpp"

#include <fovea/io/image.hpp>
#include <fovea/io/labels.hpp>
#include <fovea/io/weights.hpp>
#include <fovea/models/efficientdet_names.hpp>

using namespace fovea;
using namespace fovea::test;
using nlohmann::json;

namespace {

struct efficientdet_files {
    scratch_folder folder;
    golden_case golden = own_golden("models", "efficientdet_d0_128");

    efficientdet_files() {
        write_weights(folder / "zylo117.safetensors", golden, tables::efficientdet_d0);
        write_safetensors(
            folder / "effdet.safetensors",
            with_names_of(tables::tf_efficientdet_d0, read_weights(folder / "zylo117.safetensors")));
        write_input(folder / "in.npy", golden);
        image photo(150, 97);
        photo.pixels = scene("street", photo.height, photo.width);
        write_png(folder / "street.png", photo);
    }
    outcome run(const std::string& weights, const std::string& out) const {
        return run_fovea(folder, "run efficientdet_d0 --taps --weights '" + (folder / weights).string() +
                                     "' --input '" + (folder / "in.npy").string() + "' --output '" +
                                     (folder / out).string() + "'");
    }
    json detect(const std::string& model, const std::string& options) const {
        const outcome r = run_fovea(folder, "detect " + model + " '" + (folder / "street.png").string() +
                                                "' --input-size 128 --json - --weights '" +
                                                (folder / "zylo117.safetensors").string() + "' " + options);
        INFO(r.err);
        REQUIRE(r.status == 0);
        return json::parse(r.out)["images"][0]["detections"];
    }
};

} // namespace

TEST_CASE("EfficientDet's raw outputs are the reference's, from the weights of either port") {
    const efficientdet_files files;
    for (const char* port : {"zylo117", "effdet"}) {
        const outcome r = files.run(std::string(port) + ".safetensors", port);
        INFO(r.err);
        REQUIRE(r.status == 0);
    }
    for (const char* name : {"classification", "regression"}) {
        const array ours = fovea::test::read_npy(files.folder / ("zylo117/" + std::string(name) + ".npy"));
        CHECK(compare(files.golden.output(name), ours));
        CHECK(fovea::test::read_npy(files.folder / ("effdet/" + std::string(name) + ".npy")).values ==
              ours.values);
    }
    const array anchors = fovea::test::read_npy(files.folder / "zylo117/anchors.npy");
    REQUIRE(anchors.shape == shape_type{3069, 4});
    CHECK(std::vector<double>(anchors.values.begin(), anchors.values.begin() + 4) ==
          std::vector<double>{-12, -12, 20, 20});
    // A layer of the heads has a map at every level, a norm is one level's own.
    for (const char* tap : {"bifpn.2", "classifier.conv_list.0.depthwise_conv.conv",
                            "classifier.conv_list.0.depthwise_conv.conv@5", "classifier.bn_list.4.0"}) {
        INFO(tap);
        CHECK(fs::exists(files.folder / ("zylo117/tap." + std::string(tap) + ".npy")));
    }
}

TEST_CASE("EfficientDet's detections have COCO's ids, chosen classes are a part of them") {
    const efficientdet_files files;
    const json all = files.detect("efficientdet_d0", "--score 0.6");
    REQUIRE(!all.empty());
    const auto labels = default_labels(91);
    for (const json& d : all) {
        const auto id = d["class_id"].get<std::size_t>();
        REQUIRE((id >= 1 && id <= 90));
        CHECK(d["label"] == labels[id]);
        CHECK(d["score"] > 0.6);
    }
    const std::string name = all[0]["label"], id = std::to_string(all[0]["class_id"].get<int>());
    for (const std::string& chosen : {"'" + name + "'", id}) {
        const json found = files.detect("efficientdet_d0", "--score 0.6 --classes " + chosen);
        REQUIRE(!found.empty());
        CHECK(found[0]["label"] == name);
        CHECK(found[0]["class_id"] == 1);
        CHECK(found[0]["score"] == all[0]["score"]);
        CHECK(found[0]["box"] == all[0]["box"]);
    }
    CHECK(files.detect("tf_efficientdet_d0", "--score 0.1").size() == 100); // effdet's rules
}

TEST_CASE("EfficientDet's labels name its columns") {
    const efficientdet_files files;
    const scratch_folder& folder = files.folder;
    std::ofstream(folder / "names.txt") << "egg\nham\n";
    write_weights(folder / "two.safetensors", files.golden, tables::efficientdet_d0.with_classes(2));
    const outcome r = run_fovea(folder, "detect efficientdet_d0 '" + (folder / "street.png").string() +
                                            "' --input-size 128 --score 0.3 --json - --labels '" +
                                            (folder / "names.txt").string() + "' --weights '" +
                                            (folder / "two.safetensors").string() + "'");
    INFO(r.err);
    REQUIRE(r.status == 0);
    const json found = json::parse(r.out)["images"][0]["detections"];
    REQUIRE(!found.empty());
    for (const json& d : found)
        CHECK(d["label"] == (d["class_id"] == 1 ? "egg" : "ham"));
}

TEST_CASE("EfficientDet's table has options") {
    const scratch_folder folder;
    const auto parameters = [&](const std::string& call) {
        const outcome r = run_fovea(folder, "info --json - " + call);
        REQUIRE(r.status == 0);
        return json::parse(r.out)["parameters"].get<int>();
    };
    CHECK(parameters("efficientdet_d0 --input-size 128") == 3880067);
    CHECK(parameters("efficientdet_d0 --input-size 128 --cells 4") == 3918998);
    CHECK(parameters("tf_efficientdet_d0 --input-size 128 --cell fpn") < 3880067);
    CHECK(parameters("efficientdet_d0 --input-size 128 --num-classes 20") < 3880067);
    for (const char* call :
         {"info mobilenet_v2 --cells 2", "info ssdlite320_mobilenet_v3_large --cell fpn",
          "info efficientdet_d0 --cell star", "info efficientdet_d0 --backbone mobilenet_v3_small",
          "info ssdlite320_mobilenet_v3_large --ratios 1x1", "info efficientnet_b0 --anchor-scale 4",
          "info efficientdet_d0 --resize 300", "classify efficientdet_d0 a.jpg"}) {
        INFO(call);
        CHECK(run_fovea(folder, call).status == 2);
    }
    const outcome odd = run_fovea(folder, "info efficientdet_d0 --input-size 500");
    CHECK(odd.status == 1);
    CHECK(odd.err_has("got 500, want 512"));
}
