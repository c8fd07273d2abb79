#include "../../examples/coco_json.hpp"

#include <catch2/catch.hpp>

#include <cstdio>
#include <filesystem>

using fovea::examples::parse_coco_annotations;
using fovea::examples::parse_coco_detections;

namespace {

const std::string truth =
    R"({"images":[{"id":1,"file_name":"a.jpg","width":64,"height":48}],)"
    R"("categories":[{"id":7,"name":"dog"}],)"
    R"("annotations":[{"id":3,"image_id":1,"category_id":7,"bbox":[1,2.5,30,20],"area":600}]})";
const std::string found = R"([{"image_id":1,"category_id":7,"bbox":[1,2,3,4],"score":0.25}])";

std::string with(std::string text, const std::string& part, const std::string& other) {
    const std::size_t at = text.find(part);
    REQUIRE(at != std::string::npos);
    return text.replace(at, part.size(), other);
}

std::string message_of(const std::string& annotations, const std::string& detections = "[]") {
    try {
        parse_coco_detections(detections, "dt.json", parse_coco_annotations(annotations, "gt.json"));
    } catch (const fovea::format_error& e) {
        return e.what();
    }
    return "no error";
}

} // namespace

TEST_CASE("Annotations and detections are read and written") {
    const auto data = parse_coco_annotations(truth, "gt.json");
    REQUIRE(data.images.size() == 1);
    CHECK(data.images[0].file_name == "a.jpg");
    CHECK(data.images[0].height == 48);
    REQUIRE(data.categories.size() == 1);
    CHECK(data.categories[0].name == "dog");
    REQUIRE(data.annotations.size() == 1);
    CHECK(data.annotations[0].category_id == 7);
    CHECK(data.annotations[0].box.y == 2.5);
    CHECK_FALSE(data.annotations[0].is_crowd);
    const auto detections = parse_coco_detections(found, "dt.json", data);
    const std::string path = (std::filesystem::temp_directory_path() / "fovea_test_detections.json").string();
    fovea::examples::write_coco_detections(path, detections);
    const auto again = fovea::examples::read_coco_detections(path, data);
    std::remove(path.c_str());
    REQUIRE(again.size() == 1);
    CHECK(again[0].box.height == 4);
    CHECK(again[0].score == 0.25);
}

TEST_CASE("Flags for crowds and difficult objects are read") {
    const auto data =
        parse_coco_annotations(with(truth, R"("area":600)", R"("area":6,"iscrowd":1,"difficult":1)"), "");
    CHECK(data.annotations[0].is_crowd);
    CHECK(data.annotations[0].difficult);
}

TEST_CASE("Invalid annotations are format errors that name the place") {
    using Catch::Contains;
    CHECK_THAT(message_of("{"), Contains("gt.json: not JSON"));
    CHECK_THAT(message_of("[]"), Contains("expected an object, found array"));
    CHECK_THAT(message_of(with(truth, "images", "image")), Contains("key \"images\" is missing"));
    CHECK_THAT(message_of(with(truth, R"("id":1,)", "")), Contains("images[0]: key \"id\" is missing"));
    CHECK_THAT(message_of(with(truth, R"("id":1)", R"("id":1.5)")), Contains("must be an integer"));
    CHECK_THAT(message_of(with(truth, R"("id":1)", R"("id":18446744073709551615)")), Contains("64 bits"));
    CHECK_THAT(message_of(with(truth, R"("a.jpg")", "5")), Contains("\"file_name\" must be a string"));
    CHECK_THAT(message_of(with(truth, R"("width":64)", R"("width":-64)")), Contains("found -64"));
    CHECK_THAT(message_of(with(truth, R"([{"id":7,"name":"dog"}])", "{}")),
               Contains("\"categories\" must be an array"));
    CHECK_THAT(message_of(with(truth, R"({"id":7,"name":"dog"})", "7")),
               Contains("categories[0]: expected an object"));
    CHECK_THAT(
        message_of(with(truth, R"({"id":7,"name":"dog"})", R"({"id":7,"name":"dog"},{"id":7,"name":"cat"})")),
        Contains("categories[1]: id 7 is used twice"));
    CHECK_THAT(message_of(with(truth, R"("image_id":1)", R"("image_id":2)")),
               Contains("\"image_id\" 2 is not in"));
    CHECK_THAT(message_of(with(truth, R"("category_id":7)", R"("category_id":8)")),
               Contains("\"category_id\" 8"));
    CHECK_THAT(message_of(with(truth, "[1,2.5,30,20]", "[1,2.5,30]")), Contains("found an array of 3"));
    CHECK_THAT(message_of(with(truth, "30", "-30")), Contains("bbox width"));
    CHECK_THAT(message_of(with(truth, "30", "null")),
               Contains("\"bbox width\" must be a number, found null"));
    CHECK_THAT(message_of(with(truth, "30", "1e300")), Contains("bbox width"));
    CHECK_THAT(message_of(with(truth, "30", "1e999")), Contains("not JSON"));
    CHECK_THAT(message_of(with(truth, R"(,"area":600)", "")),
               Contains("annotations[0]: key \"area\" is missing"));
    CHECK_THAT(message_of(with(truth, "600", R"(600,"iscrowd":2)")),
               Contains("\"iscrowd\" must be in 0 .. 1"));
}

TEST_CASE("Invalid detections are format errors that name the place") {
    using Catch::Contains;
    CHECK(message_of(truth, found) == "no error");
    CHECK_THAT(message_of(truth, "{}"), Contains("dt.json: expected an array of detections, found object"));
    CHECK_THAT(message_of(truth, with(found, R"("image_id":1)", R"("image_id":9)")),
               Contains("dt.json: [0]: \"image_id\" 9"));
    CHECK_THAT(message_of(truth, with(found, R"(,"score":0.25)", "")), Contains("key \"score\" is missing"));
    CHECK_THAT(message_of(truth, with(found, "0.25", "\"high\"")),
               Contains("\"score\" must be a number, found string"));
}

TEST_CASE("Every truncation is an error, and so are deep nesting and a folder") {
    for (std::size_t size = 0; size < truth.size(); ++size)
        CHECK(message_of(truth.substr(0, size)) != "no error");
    for (std::size_t size = 0; size < found.size(); ++size)
        CHECK(message_of(truth, found.substr(0, size)) != "no error");
    CHECK_THAT(message_of(std::string(100'000, '[')), Catch::Contains("not JSON"));
    CHECK(message_of(std::string(100'000, '[') + std::string(100'000, ']')) != "no error");
    CHECK_THROWS_AS(fovea::examples::read_coco_annotations("/"), fovea::io_error);
    CHECK_THROWS_AS(fovea::examples::read_coco_annotations("/no/such/file.json"), fovea::io_error);
    CHECK_THROWS_AS(fovea::examples::write_coco_detections("/no/such/file.json", {}), fovea::io_error);
}
