#include <fovea/train/data/dataset_builder.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

using namespace fovea;

namespace {

raw_object dog(double x1, double y1, double x2, double y2, std::size_t line = 0) {
    raw_object object;
    object.name = "dog";
    object.x1 = x1;
    object.y1 = y1;
    object.x2 = x2;
    object.y2 = y2;
    object.line = line;
    return object;
}

dataset_builder with_photo(std::vector<std::string> classes = {"__background__", "cat", "dog"},
                           unknown_label unknown = unknown_label::is_an_error) {
    dataset_builder builder(std::move(classes), unknown);
    builder.add_sample({"a.jpg", {64, 48}, {}, "a.xml", 1});
    return builder;
}

detection_dataset built(const raw_object& object) {
    dataset_builder builder = with_photo();
    builder.add_object(object);
    return builder.finish();
}

void check_dropped(const raw_object& object, const std::string& why) {
    const detection_dataset data = built(object);
    INFO(why);
    CHECK(data.samples.at(0).objects.empty());
    REQUIRE(data.issues.size() == 1);
    CHECK(data.issues[0].file == "a.xml");
    CHECK(data.issues[0].line == object.line);
    CHECK(data.issues[0].action == "dropped");
    CHECK_THAT(data.issues[0].what, Catch::Contains(why));
}

} // namespace

TEST_CASE("a good box is kept as it is") {
    const detection_dataset data = built(dog(1.5, 2, 64, 48, 7));
    CHECK(data.issues.empty());
    REQUIRE(data.samples.at(0).objects.size() == 1);
    const labeled_box& object = data.samples[0].objects[0];
    CHECK(object.corners == box{1.5F, 2, 64, 48});
    CHECK(object.label == 2);
    CHECK(object.area == 62.5 * 46);
    CHECK(object.line == 7);
}

TEST_CASE("an area that the file gives is kept") {
    raw_object object = dog(1, 2, 11, 12);
    object.area = 33.5;
    CHECK(built(object).samples[0].objects.at(0).area == 33.5);
}

TEST_CASE("boxes that cannot be used are dropped and reported once") {
    const double nan = std::numeric_limits<double>::quiet_NaN(),
                 inf = std::numeric_limits<double>::infinity();
    check_dropped(dog(5, 5, 5, 5, 163), "box (5, 5, 5, 5) of dog has no area");
    check_dropped(dog(9, 5, 3, 20, 2), "has no area");
    check_dropped(dog(nan, 5, 30, 20, 3), "not finite");
    check_dropped(dog(1, 5, inf, 20, 3), "not finite");
    check_dropped(dog(63.5, 5, 90, 20, 4), "less than one pixel inside the photo of 64x48");
    check_dropped(dog(5, 5, 5.5, 20, 5), "less than one pixel");
    check_dropped(dog(-1e300, -5, -3, 20, 6), "less than one pixel");
}

TEST_CASE("boxes beyond the photo are clipped, and reported unless it is rounding") {
    const detection_dataset far = built(dog(-3, 4, 1e30, 50, 9));
    REQUIRE(far.samples[0].objects.size() == 1);
    CHECK(far.samples[0].objects[0].corners == box{0, 4, 64, 48});
    CHECK(far.samples[0].objects[0].area == 64 * 44);
    REQUIRE(far.issues.size() == 1);
    CHECK(to_text(far.issues[0]) ==
          "a.xml:9: box (-3, 4, 1e+30, 50) of dog is not inside the photo of 64x48; clipped");
    const detection_dataset near = built(dog(-0.5, 4, 64.25, 48.5));
    CHECK(near.issues.empty());
    CHECK(near.samples[0].objects.at(0).corners == box{0, 4, 64, 48});
}

TEST_CASE("unknown labels are one error that names all of them") {
    dataset_builder builder = with_photo();
    raw_object object = dog(1, 1, 9, 9, 4);
    object.name = "wolf";
    builder.add_object(object);
    object.name = "fox";
    builder.add_object(object);
    builder.add_sample({"b.jpg", {64, 48}, {}, "b.xml", 2});
    for (std::size_t line = 1; line <= 7; ++line) {
        object.line = line;
        builder.add_object(object);
    }
    try {
        builder.finish();
        FAIL("no error");
    } catch (const format_error& e) {
        CHECK_THAT(e.what(), Catch::Contains("\"wolf\", 1 times: a.xml:4"));
        CHECK_THAT(e.what(),
                   Catch::Contains("\"fox\", 8 times: a.xml:4 b.xml:1 b.xml:2 b.xml:3 b.xml:4 ..."));
    }
}

TEST_CASE("unknown labels are dropped and reported where that is asked for") {
    dataset_builder builder = with_photo({"__background__", "cat"}, unknown_label::is_dropped);
    builder.add_object(dog(1, 1, 9, 9, 4));
    const detection_dataset data = builder.finish();
    CHECK(data.samples[0].objects.empty());
    REQUIRE(data.issues.size() == 1);
    CHECK(to_text(data.issues) == "a.xml:4: \"dog\" is not among the classes; dropped\n");
}

TEST_CASE("without classes the names found are classes, in alphabetical order") {
    dataset_builder builder = with_photo({});
    for (const char* name : {"dog", "ant", "cow", "ant"}) {
        raw_object object = dog(1, 1, 9, 9);
        object.name = name;
        builder.add_object(object);
    }
    const detection_dataset data = builder.finish();
    CHECK(data.classes == std::vector<std::string>{"__background__", "ant", "cow", "dog"});
    std::vector<int> labels;
    for (const labeled_box& object : data.samples[0].objects)
        labels.push_back(object.label);
    CHECK(labels == std::vector<int>{3, 1, 2, 1});
    CHECK(count_objects(data) == std::vector<std::size_t>{0, 2, 1, 1});
}

TEST_CASE("a class name twice is an error, but not that of unused labels") {
    CHECK_THROWS_AS(with_photo({"__background__", "dog", "dog"}), input_error);
    CHECK_NOTHROW(with_photo({"__background__", "N/A", "N/A", "dog"}));
}
