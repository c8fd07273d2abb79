#include <fovea/train/data/detection_dataset.hpp>

#include <catch2/catch.hpp>

using namespace fovea;

namespace {

detection_dataset small_dataset() {
    detection_dataset data;
    data.classes = {"__background__", "cat", "dog"};
    labeled_box cat{{1, 2, 11, 22}, 1, true, false, 150, 3}, dogs{{0, 0, 5, 6}, 2, false, true, 30, 9};
    data.samples.push_back({"a.jpg", {64, 48}, {cat, dogs}, "a.xml", 70});
    data.samples.push_back({"b.jpg", {64, 48}, {dogs}, "b.xml", 71});
    data.samples.push_back({"c.jpg", {64, 48}, {}, "c.xml", 72});
    return data;
}

} // namespace

TEST_CASE("objects are counted by label") {
    CHECK(count_objects(small_dataset()) == std::vector<std::size_t>{0, 1, 2});
}

TEST_CASE("a data set as evaluation takes it") {
    const auto boxes = annotated_boxes(small_dataset());
    REQUIRE(boxes.size() == 3);
    CHECK(boxes[0].image_id == 70);
    CHECK(boxes[0].category_id == 1);
    CHECK(boxes[0].box.x == 1);
    CHECK(boxes[0].box.y == 2);
    CHECK(boxes[0].box.width == 10);
    CHECK(boxes[0].box.height == 20);
    CHECK(boxes[0].area == 150);
    CHECK(boxes[0].difficult);
    CHECK_FALSE(boxes[0].is_crowd);
    CHECK(boxes[2].image_id == 71);
    CHECK(boxes[2].is_crowd);
}

TEST_CASE("samples without an object but crowds are removed") {
    detection_dataset data = small_dataset();
    CHECK(remove_empty_samples(data) == 2);
    REQUIRE(data.samples.size() == 1);
    CHECK(data.samples[0].photo == "a.jpg");
}

TEST_CASE("issues as text") {
    CHECK(to_text(data_issue{"a.xml", 3, "box", "dropped"}) == "a.xml:3: box; dropped");
    CHECK(to_text(data_issue{"a.jpg", 0, "bad", "left out"}) == "a.jpg: bad; left out");
    CHECK(to_text(std::vector<data_issue>{{"a", 1, "b", "c"}, {"d", 2, "e", "f"}}) ==
          "a:1: b; c\nd:2: e; f\n");
}
