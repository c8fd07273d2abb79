#include "../../examples/voc_xml.hpp"

#include <catch2/catch.hpp>

#include "io/hostile_bytes.hpp"

#include <filesystem>
#include <fstream>

using namespace fovea;
using fovea::examples::parse_voc_annotation;
using fovea::examples::read_voc;
using fovea::examples::voc_options;

namespace {

const std::string voc_folder = FOVEA_TEST_DATA "/train_data/voc";

const std::string one_object =
    "<annotation>\n<size><width>64</width><height>48</height></size>\n<object>\n"
    "<name>dog</name>\n<bndbox><xmin>1</xmin><ymin>2</ymin>\n<xmax>30</xmax><ymax>40</ymax>"
    "</bndbox>\n</object>\n</annotation>\n";

std::string replaced(std::string text, const std::string& part, const std::string& other) {
    const std::size_t at = text.find(part);
    REQUIRE(at != std::string::npos);
    return text.replace(at, part.size(), other);
}

detection_dataset parsed(std::string_view text, bool one_based = false) {
    dataset_builder builder;
    parse_voc_annotation(text, "a.xml", "a.jpg", 1, one_based, builder);
    return builder.finish();
}

std::string message_of_xml(const std::string& text) {
    try {
        parsed(text);
    } catch (const format_error& e) {
        return e.what();
    }
    return "no error";
}

// A copy of the committed data set that a test may damage.
struct voc_copy {
    std::filesystem::path path = std::filesystem::temp_directory_path() / "fovea_test_voc";
    voc_copy() {
        std::filesystem::remove_all(path);
        std::filesystem::copy(voc_folder, path, std::filesystem::copy_options::recursive);
    }
    ~voc_copy() { std::filesystem::remove_all(path); }
    void write(const std::string& name, const std::string& text) const { std::ofstream(path / name) << text; }
};

} // namespace

TEST_CASE("a split of a VOC folder, good and bad boxes") {
    const detection_dataset data = read_voc(voc_folder, "train");
    CHECK(data.classes == std::vector<std::string>{"__background__", "cat", "dog"});
    REQUIRE(data.samples.size() == 2);
    const detection_sample &first = data.samples[0], &second = data.samples[1];
    CHECK(first.photo == voc_folder + "/JPEGImages/first.jpg");
    CHECK(first.annotation_file == voc_folder + "/Annotations/first.xml");
    CHECK(first.size == image_size{40, 30});
    CHECK(first.id != second.id);
    REQUIRE(first.objects.size() == 2);
    CHECK(first.objects[0].corners == box{2, 3, 20, 25});
    CHECK(first.objects[0].label == 2);
    CHECK(first.objects[0].line == 12);
    CHECK(first.objects[1].corners == box{10.5F, 1, 39, 28.25F});
    CHECK(first.objects[1].difficult);
    REQUIRE(second.objects.size() == 2);
    CHECK(second.objects[0].corners == box{0, 4, 24, 20});
    CHECK(second.objects[1].corners == box{0.5F, 0.25F, 24, 32});
    const std::string a = voc_folder + "/Annotations/", train = voc_folder + "/ImageSets/Main/train.txt";
    CHECK(
        to_text(data.issues) ==
        train + ":3: first is listed twice; used once\n" + a +
            "first.xml:32: box (7, 7, 7, 7) of dog has no area; dropped\n" + a +
            "second.xml:12: box (-3, 4, 30, 20) of cat is not inside the photo of 24x32; clipped\n" + a +
            "second.xml:22: box (23.5, 4, 40, 20) of dog has less than one pixel inside the photo of 24x32; "
            "dropped\n" +
            a + "second.xml:32: box (nan, 1, 5, 6) of cat is not finite; dropped\n");
}

TEST_CASE("all photos of a VOC folder, and photos without objects") {
    CHECK(read_voc(voc_folder, "").samples.size() == 3);
    voc_options options;
    options.classes = {"__background__", "dog", "cat"}; // of the training split
    const detection_dataset val = read_voc(voc_folder, "val", options);
    REQUIRE(val.samples.size() == 1);
    CHECK(val.samples[0].objects.empty());
    CHECK(val.classes == options.classes);
}

TEST_CASE("labels that are not among VOC classes") {
    voc_options options;
    options.classes = {"__background__", "cat"};
    CHECK_THROWS_WITH(read_voc(voc_folder, "train", options),
                      Catch::Contains("\"dog\", 4 times:") && Catch::Contains("first.xml:12"));
    options.unknown = unknown_label::is_dropped;
    const detection_dataset data = read_voc(voc_folder, "train", options);
    CHECK(count_objects(data) == std::vector<std::size_t>{0, 2});
}

TEST_CASE("missing files of a VOC folder are named in one error") {
    const voc_copy copy;
    copy.write("Annotations/third.xml", "");
    CHECK_THROWS_WITH(read_voc(copy.path, ""), Catch::Contains("third.xml: the file is empty"));
    std::filesystem::remove(copy.path / "JPEGImages" / "first.jpg");
    std::filesystem::remove(copy.path / "Annotations" / "second.xml");
    CHECK_THROWS_WITH(read_voc(copy.path, "train"), Catch::Contains("missing files (2)") &&
                                                        Catch::Contains("first.jpg") &&
                                                        Catch::Contains("second.xml"));
    CHECK_THROWS_WITH(read_voc(copy.path, "test"), Catch::Contains("test.txt: no such file"));
    CHECK_THROWS_AS(read_voc(copy.path / "nowhere", ""), io_error);
    copy.write("ImageSets/Main/empty.txt", "\n  \n");
    CHECK_THROWS_WITH(read_voc(copy.path, "empty"), Catch::Contains("lists no photo"));
}

TEST_CASE("coordinates that begin with 1") {
    CHECK(parsed(one_object).samples[0].objects[0].corners == box{1, 2, 30, 40});
    CHECK(parsed(one_object, true).samples[0].objects[0].corners == box{0, 1, 30, 40});
}

TEST_CASE("XML beyond the plain: byte order mark, comments, entities, CDATA, other line ends") {
    const std::string odd =
        "\xEF\xBB\xBF<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<!-- <object> -->\r\n" +
        replaced(one_object, ">dog<", "><![CDATA[R&D]]> <");
    CHECK(parsed(odd).classes.at(1) == "R&D");
    CHECK(parsed(odd).samples[0].objects[0].line == 7);
    CHECK(parsed(replaced(one_object, ">dog<", "> R&amp;D\n<")).classes.at(1) == "R&D");
}

TEST_CASE("XML that breaks a rule is a format error with file and line") {
    using Catch::Contains;
    const auto broken = [](const std::string& part, const std::string& other) {
        return message_of_xml(replaced(one_object, part, other));
    };
    CHECK(message_of_xml(one_object) == "no error");
    CHECK_THAT(message_of_xml("<annotation>\n<size>\n"), Contains("a.xml:2: not XML"));
    CHECK_THAT(message_of_xml("{\"a\": 1}"), Contains("a.xml:1: not XML"));
    CHECK_THAT(message_of_xml("<html></html>"), Contains("a.xml: expected an <annotation>, found <html>"));
    CHECK_THAT(broken("</object>", "</objekt>"), Contains("a.xml:7: not XML"));
    CHECK_THAT(broken("<width>64</width>", ""),
               Contains("a.xml:2: expected a <width> in <size>, found none"));
    CHECK_THAT(broken("64", "0"), Contains("a.xml:2: <width> must be a whole number of pixels"));
    CHECK_THAT(broken("48", "1e9"), Contains("<height> must be a whole number"));
    CHECK_THAT(broken("48", "nan"), Contains("<height> must be a whole number"));
    CHECK_THAT(broken("<name>dog</name>", ""), Contains("a.xml:3: expected a <name> in <object>"));
    CHECK_THAT(broken("dog", " "), Contains("a.xml:3: <name> is empty"));
    CHECK_THAT(broken("<xmax>30</xmax>", ""), Contains("a.xml:5: expected a <xmax> in <bndbox>"));
    CHECK_THAT(broken("30", "thirty"), Contains("a.xml:6: <xmax> must be a number, found \"thirty\""));
    CHECK_THAT(broken("30", "30px"), Contains("<xmax> must be a number"));
    CHECK_THAT(broken("30", ""), Contains("<xmax> must be a number, found \"\""));
    CHECK_THAT(broken("</name>", "</name><difficult>maybe</difficult>"),
               Contains("a.xml:4: <difficult> must be 0 or 1, found \"maybe\""));
}

TEST_CASE("hostile XML: truncated, with bytes changed, deep, with entities that grow") {
    const auto read = [](const test::bytes& text) {
        return parsed(std::string_view(reinterpret_cast<const char*>(text.data()), text.size()));
    };
    const std::string whole_element = one_object.substr(0, one_object.size() - 1);
    test::refuses_every_truncation(test::as_bytes(whole_element), read);
    CHECK(test::survives_every_change(test::as_bytes(whole_element), read) > 100);
    std::string deep;
    for (int i = 0; i < 100000; ++i)
        deep += "<a>";
    CHECK_THAT(message_of_xml(deep), Catch::Contains("not XML"));
    std::string closed = "<annotation>" + deep;
    for (int i = 0; i < 100000; ++i)
        closed += "</a>";
    CHECK_THAT(message_of_xml(closed + "</annotation>"), Catch::Contains("expected a <size>"));
    const std::string laughs =
        "<!DOCTYPE a [<!ENTITY x \"ha\"><!ENTITY y \"&x;&x;&x;\">]>" + replaced(one_object, "dog", "&y;");
    CHECK(parsed(laughs).classes.at(1) == "&y;"); // entities of a file's own are not expanded
}

TEST_CASE("BCCD, where it is there") {
    const std::filesystem::path bccd = std::filesystem::path(FOVEA_SHARED_DIR) / "data" / "bccd" / "BCCD";
    if (!std::filesystem::exists(bccd))
        return;
    const detection_dataset all = read_voc(bccd, "");
    CHECK(all.samples.size() == 364);
    CHECK(all.classes == std::vector<std::string>{"__background__", "Platelets", "RBC", "WBC"});
    // 4155 red cells, of which two have no area.
    CHECK(count_objects(all) == std::vector<std::size_t>{0, 361, 4153, 372});
    REQUIRE(all.issues.size() == 2);
    CHECK_THAT(
        to_text(all.issues[0]),
        Catch::EndsWith("BloodImage_00338.xml:163: box (504, 337, 504, 337) of RBC has no area; dropped"));
    CHECK_THAT(
        to_text(all.issues[1]),
        Catch::EndsWith("BloodImage_00343.xml:55: box (181, 329, 181, 329) of RBC has no area; dropped"));
    voc_options options;
    options.classes = all.classes;
    for (const auto& [split, count] :
         {std::pair("train", 205), std::pair("val", 87), std::pair("test", 72), std::pair("trainval", 292)})
        CHECK(read_voc(bccd, split, options).samples.size() == static_cast<std::size_t>(count));
}
