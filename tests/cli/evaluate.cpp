// fovea evaluate: figures of a detections file, and how categories are matched.
#include "program.hpp"

using namespace fovea;
using namespace fovea::test;
using nlohmann::json;

namespace {

const std::string data = FOVEA_TEST_DATA "/cli/";

json figures(const scratch_folder& folder, const std::string& detections) {
    const outcome r = run_fovea(folder, "evaluate --json - --annotations " + data +
                                            "instances.json --detections-in " + data + detections);
    INFO(r.err);
    REQUIRE(r.status == 0);
    return json::parse(r.out);
}

} // namespace

TEST_CASE("Every object found gives 1, half of the categories found gives a half") {
    const scratch_folder folder;
    const json all = figures(folder, "all_found.json");
    for (const char* key : {"AP", "AP50", "AP75", "APm", "AR100", "VOC_mAP_11_point", "VOC_mAP_area"})
        CHECK(all[key].get<double>() == Approx(1));
    CHECK(all["APs"] == -1); // there are no small objects
    const json half = figures(folder, "dogs_only.json");
    CHECK(half["AP"].get<double>() == Approx(0.5));
    CHECK(half["VOC_mAP_area"].get<double>() == Approx(0.5));
    REQUIRE(half["categories"].size() == 2); // by ascending id: cat, dog
    CHECK(half["categories"][1]["name"] == "dog");
    CHECK(half["categories"][1]["AP50"].get<double>() == Approx(1));
}

TEST_CASE("Categories that the model does not know are named") {
    const scratch_folder folder;
    write_weights(folder / "w.safetensors", own_golden("models", "ssdlite320_scene"),
                  tables::ssdlite320_mobilenet_v3_large);
    std::string text = read_text(data + "instances.json");
    text.replace(text.find("\"dog\""), 5, "\"unicorn\"");
    write_text(folder / "instances.json", text);
    const std::string call = "evaluate ssdlite320_mobilenet_v3_large --images '" + data + "' --weights '" +
                             (folder / "w.safetensors").string() + "' --annotations '";
    const outcome unknown = run_fovea(folder, call + (folder / "instances.json").string() + "'");
    CHECK(unknown.status == 1);
    CHECK(unknown.err_has("'unicorn'"));
    CHECK(run_fovea(folder, call + data + "instances.json'").err_has("pets.jpg: no such file"));
}

TEST_CASE("Without a model or detections there is nothing to evaluate") {
    const scratch_folder folder;
    CHECK(run_fovea(folder, "evaluate --annotations " + data + "instances.json").status == 2);
    CHECK(run_fovea(folder, "evaluate mobilenet_v2 --images . --annotations x.json").status == 2);
    write_text(folder / "broken.json", "{\"images\": [");
    const outcome broken = run_fovea(folder, "evaluate --detections-in x.json --annotations '" +
                                                 (folder / "broken.json").string() + "'");
    CHECK(broken.status == 1);
    CHECK(broken.err_lines() == 1);
}
