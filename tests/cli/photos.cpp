// fovea classify and detect: photos in, JSON and drawings out.
#include "program.hpp"

#include <fovea/io/image.hpp>

using namespace fovea;
using namespace fovea::test;
using nlohmann::json;

namespace {

// The photo that a golden draws, as a file.
image write_scene(const fs::path& path, const golden_case& golden) {
    const shape_type shape = golden.inputs.at(0).shape;
    image photo(shape.at(1), shape.at(0));
    photo.pixels = scene("street", photo.height, photo.width);
    write_png(path, photo);
    return photo;
}

struct detection_files {
    scratch_folder folder;
    golden_case golden = own_golden("models", "ssdlite320_scene");
    image photo = write_scene(folder / "street.png", golden);

    detection_files() {
        write_weights(folder / "w.safetensors", golden, tables::ssdlite320_mobilenet_v3_large);
    }
    outcome detect(const std::string& options, const std::string& score = "0.555") const {
        return run_fovea(folder, "detect ssdlite320_mobilenet_v3_large '" + (folder / "street.png").string() +
                                     "' --weights '" + (folder / "w.safetensors").string() + "' --score " +
                                     score + " " + options);
    }
    json detections(const std::string& options = "", const std::string& score = "0.555") const {
        const outcome r = detect("--json - " + options, score);
        INFO(r.err);
        REQUIRE(r.status == 0);
        return json::parse(r.out)["images"][0];
    }
};

} // namespace

TEST_CASE("Detections in a photo are torchvision's, in its pixels, with names") {
    const detection_files files;
    const json image = files.detections();
    CHECK(image["width"] == files.photo.width);
    CHECK(image["height"] == files.photo.height);
    const std::size_t count = image["detections"].size();
    array boxes, scores, labels;
    boxes.shape = {count, 4};
    scores.shape = labels.shape = {count};
    for (const json& d : image["detections"]) {
        for (const json& side : d["box"])
            boxes.values.push_back(side.get<double>());
        scores.values.push_back(d["score"].get<double>());
        labels.values.push_back(d["class_id"].get<double>());
        CHECK_FALSE(d["label"].get<std::string>().empty());
    }
    CHECK(compare(files.golden.detection("det"), boxes, scores, labels));
}

TEST_CASE("A class subset detects only those classes, by their names") {
    const detection_files files;
    const json image = files.detections("--classes person,car", "0.01");
    REQUIRE_FALSE(image["detections"].empty());
    for (const json& d : image["detections"])
        CHECK(d["label"] == (d["class_id"] == 1 ? "person" : "car"));
    CHECK(files.detect("--classes person,unicorn").status == 2);
    CHECK(files.detect("--classes 1,person").status == 2);
}

TEST_CASE("Threads do not change a digit") {
    const detection_files files;
    CHECK(files.detections() == files.detections("--threads 3"));
}

TEST_CASE("Drawings: a file for one photo, a folder for several") {
    const detection_files files;
    const auto& folder = files.folder;
    REQUIRE(files.detect("--draw '" + (folder / "one.png").string() + "'").status == 0);
    const image drawn = read_image(folder / "one.png");
    REQUIRE(drawn.size() == files.photo.size());
    CHECK(drawn.pixels != files.photo.pixels);
    const std::string again = "'" + (folder / "street.png").string() + "' ";
    const outcome refused = files.detect(again + "--draw '" + (folder / "two.png").string() + "'");
    CHECK(refused.status == 2);
    REQUIRE(files.detect(again + "--draw '" + (folder / "drawn").string() + "'").status == 0);
    CHECK(fs::exists(folder / "drawn/street.png"));
    CHECK(fs::exists(folder / "drawn/street-2.png"));
    REQUIRE(files.detect("--draw '" + (folder / "none.png").string() + "'", "1").status == 0);
    CHECK(read_image(folder / "none.png").pixels == files.photo.pixels);
}

TEST_CASE("Photos and weights that cannot be used are errors of one line") {
    const detection_files files;
    write_text(files.folder / "street.png", "\x89PNG\r\n\x1a\nno more");
    const outcome damaged = files.detect("");
    CHECK(damaged.status == 1);
    CHECK(damaged.err_lines() == 1);
    CHECK(damaged.err_has("street.png"));
    write_text(files.folder / "w.safetensors", "PK\x03\x04");
    CHECK(files.detect("").err_has("w.safetensors"));
    CHECK(files.detect("--num-classes 21").status == 1);
}

TEST_CASE("Classes of a photo: names and probabilities, best first") {
    const scratch_folder folder;
    const golden_case golden = own_golden("models", "mobilenet_v3_small_w125");
    write_weights(folder / "w.safetensors", golden,
                  tables::mobilenet_v3_small.with_width(1.25).with_classes(12));
    write_scene(folder / "street.png", own_golden("models", "ssdlite320_scene"));
    std::string names;
    for (int i = 0; i < 12; ++i)
        names += "kind " + std::to_string(i) + "\r\n";
    write_text(folder / "labels.txt", names);
    const std::string call = "classify mobilenet_v3_small '" + (folder / "street.png").string() +
                             "' --width-mult 1.25 --weights '" + (folder / "w.safetensors").string() +
                             "' --top 12 --json - --labels '" + (folder / "labels.txt").string() + "'";
    const outcome r = run_fovea(folder, call);
    INFO(r.err);
    REQUIRE(r.status == 0);
    const json classes = json::parse(r.out)["images"][0]["classes"];
    REQUIRE(classes.size() == 12);
    double sum = 0, before = 1;
    for (const json& c : classes) {
        CHECK(c["label"] == "kind " + std::to_string(c["class_id"].get<int>()));
        CHECK(c["score"].get<double>() <= before);
        before = c["score"].get<double>();
        sum += before;
    }
    CHECK(sum == Approx(1).epsilon(1e-5));
    CHECK(run_fovea(folder, call + " --num-classes 11").err_has("expected names for 11 classes, found 12"));
}
