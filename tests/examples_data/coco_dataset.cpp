#include "../../examples/coco_dataset.hpp"

#include <catch2/catch.hpp>

#include "io/hostile_bytes.hpp"

#include <filesystem>

using namespace fovea;
using fovea::examples::coco_labeling;
using fovea::examples::coco_options;
using fovea::examples::parse_coco;
using fovea::examples::read_coco;

namespace {

const std::string coco_file = FOVEA_TEST_DATA "/train_data/coco.json";
const std::string coco_photos = FOVEA_TEST_DATA "/train_data/voc/JPEGImages";

const std::string small_coco = R"({"images":[{"id":1,"file_name":"a.jpg","width":64,"height":48}],
"categories":[{"id":7,"name":"dog"}],
"annotations":[{"id":3,"image_id":1,
  "category_id":7,"bbox":[1,2.5,30,20],"segmentation":[{"annotations":1}]},
 {"id":4,"image_id":1,"category_id":7,"bbox":[1,2.5,0,20]}]})";

std::string swapped(std::string text, const std::string& part, const std::string& other) {
    const std::size_t at = text.find(part);
    REQUIRE(at != std::string::npos);
    return text.replace(at, part.size(), other);
}

std::string message_of_coco(const std::string& text, const coco_options& options = {}) {
    try {
        parse_coco(text, "gt.json", "photos", options);
    } catch (const error& e) {
        return e.what();
    }
    return "no error";
}

} // namespace

TEST_CASE("a COCO file, good and bad boxes") {
    const detection_dataset data = read_coco(coco_file, coco_photos);
    CHECK(data.classes == std::vector<std::string>{"__background__", "dog", "N/A", "cat"});
    REQUIRE(data.samples.size() == 3);
    CHECK(data.samples[0].photo == coco_photos + "/first.jpg");
    CHECK(data.samples[0].annotation_file == coco_file);
    CHECK(data.samples[0].id == 7);
    CHECK(data.samples[0].size == image_size{40, 30});
    REQUIRE(data.samples[0].objects.size() == 2);
    const labeled_box& crowd = data.samples[0].objects[0];
    CHECK(crowd.corners == box{2, 3, 20, 25});
    CHECK(crowd.crowd);
    CHECK(crowd.label == 1);
    CHECK(crowd.area == 12.5);
    CHECK(crowd.line == 12);
    CHECK(data.samples[0].objects[1].label == 3);
    CHECK(data.samples[2].objects.empty());
    CHECK(to_text(data.issues) ==
          coco_file + ":14: box (7, 7, 7, 7) of dog has no area; dropped\n" + coco_file +
              ":15: box (-3, 4, 30, 20) of cat is not inside the photo of 24x32; clipped\n" + coco_file +
              ":16: box (23.5, 4, 40, 20) of dog has less than one pixel inside the photo of "
              "24x32; dropped\n");
}

TEST_CASE("lines of COCO annotations that are spread over lines") {
    const detection_dataset data = parse_coco(small_coco, "gt.json", "photos");
    REQUIRE(data.samples[0].objects.size() == 1);
    CHECK(data.samples[0].objects[0].line == 3);
    CHECK(data.samples[0].objects[0].label == 7);
    CHECK(data.samples[0].objects[0].area == 600); // of the box: the file has none
    CHECK(data.samples[0].photo == "photos/a.jpg");
    REQUIRE(data.issues.size() == 1);
    CHECK(to_text(data.issues[0]) == "gt.json:5: box (1, 2.5, 1, 22.5) of dog has no area; dropped");
}

TEST_CASE("COCO labels numbered anew, or by names") {
    coco_options options;
    options.labeling = coco_labeling::contiguous;
    const detection_dataset anew = read_coco(coco_file, coco_photos, options);
    CHECK(anew.classes == std::vector<std::string>{"__background__", "dog", "cat"});
    CHECK(anew.samples[0].objects[1].label == 2);
    options.classes = {"__background__", "cat"};
    CHECK_THAT(message_of_coco(small_coco, options),
               Catch::Contains("\"dog\", 2 times: gt.json:3 gt.json:5"));
    options.unknown = unknown_label::is_dropped;
    const detection_dataset cats = read_coco(coco_file, coco_photos, options);
    CHECK(count_objects(cats) == std::vector<std::size_t>{0, 2});
}

TEST_CASE("COCO annotations of unknown categories are mislabelled") {
    const std::string odd =
        swapped(small_coco, "\"category_id\":7,\"bbox\":[1,2.5,30", "\"category_id\":8,\"bbox\":[1,2.5,30");
    CHECK_THAT(message_of_coco(odd), Catch::Contains("\"category 8\", 1 times: gt.json:3"));
}

TEST_CASE("missing photos of a COCO file are named in one error") {
    CHECK_THROWS_WITH(read_coco(coco_file, coco_photos + "/nowhere"),
                      Catch::Contains("missing files (3)") && Catch::Contains("nowhere/second.png"));
    CHECK_THROWS_AS(read_coco(coco_file + "x", coco_photos), io_error);
}

TEST_CASE("COCO files that break a rule name the place") {
    using Catch::Contains;
    CHECK_THAT(message_of_coco(small_coco.substr(0, 100)), Contains("gt.json:2: not JSON"));
    CHECK_THAT(message_of_coco("[]"), Contains("expected an object, found array"));
    CHECK_THAT(message_of_coco("{}"), Contains("key \"categories\" is missing"));
    CHECK_THAT(
        message_of_coco(swapped(small_coco, "[1,2.5,30,20]", "[1,2.5,30]")),
        Contains("gt.json: annotations[0]: \"bbox\" must be [x, y, width, height], found an array of 3"));
    CHECK_THAT(message_of_coco(swapped(small_coco, "30,20", "\"30\",20")),
               Contains("\"bbox\" must have numbers"));
    CHECK_THAT(message_of_coco(swapped(small_coco, "\"image_id\":1", "\"image_id\":9")),
               Contains("\"image_id\" 9"));
    CHECK_THAT(message_of_coco(swapped(small_coco, "\"id\":7", "\"id\":0")),
               Contains("category id 0 of \"dog\" is no label"));
    CHECK_THAT(message_of_coco(swapped(small_coco, "\"id\":7", "\"id\":4000000000")),
               Contains("number the labels anew"));
    CHECK_THAT(message_of_coco(swapped(small_coco, "64", "0")), Contains("\"width\" must be in 1"));
    CHECK(message_of_coco(swapped(small_coco, "30,20", "-30,1e300")) == "no error"); // such a box is dropped
}

TEST_CASE("hostile JSON: truncated, with bytes changed, deep, keys twice") {
    const auto read = [](const test::bytes& text) {
        return parse_coco(std::string_view(reinterpret_cast<const char*>(text.data()), text.size()),
                          "gt.json", "");
    };
    test::refuses_every_truncation(test::as_bytes(small_coco), read);
    CHECK(test::survives_every_change(test::as_bytes(small_coco), read) > 100);
    CHECK_THAT(message_of_coco(std::string(100000, '[')), Catch::Contains("not JSON"));
    const std::string twice =
        swapped(small_coco, "\"categories\"", "\"annotations\":[{},{},{}],\n\"categories\"");
    CHECK(parse_coco(twice, "gt.json", "").samples[0].objects.at(0).line == 4);
}

TEST_CASE("COCO128, where it is there") {
    const std::filesystem::path coco = std::filesystem::path(FOVEA_SHARED_DIR) / "data" / "coco128";
    if (!std::filesystem::exists(coco))
        return;
    const detection_dataset data =
        read_coco(coco / "annotations" / "instances_train2017_first128.json", coco / "images" / "train2017");
    CHECK(data.samples.size() == 128);
    CHECK(annotated_boxes(data).size() == 939);
    CHECK(data.classes.size() == 91);
    CHECK(data.classes[90] == "toothbrush");
    CHECK(data.issues.empty());
}
