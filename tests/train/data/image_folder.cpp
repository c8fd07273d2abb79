#include <fovea/train/data/image_folder.hpp>

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>

using namespace fovea;

namespace {

const std::string photo_folder = FOVEA_TEST_DATA "/train_data/folder";

// A folder for one test, removed behind it.
struct temporary_folder {
    std::filesystem::path path = std::filesystem::temp_directory_path() / "fovea_test_image_folder";
    temporary_folder() {
        std::filesystem::remove_all(path);
        std::filesystem::create_directories(path);
    }
    ~temporary_folder() { std::filesystem::remove_all(path); }
    void touch(const std::string& name) const {
        std::filesystem::create_directories((path / name).parent_path());
        std::ofstream(path / name) << "x";
    }
};

} // namespace

TEST_CASE("folders are classes, photos below them samples") {
    const classification_dataset data = read_image_folder(photo_folder);
    CHECK(data.classes == std::vector<std::string>{"ant", "bee"});
    REQUIRE(data.samples.size() == 3);
    CHECK_THAT(data.samples[0].photo, Catch::EndsWith("ant/deeper/two.PNG"));
    CHECK_THAT(data.samples[1].photo, Catch::EndsWith("ant/one.png"));
    CHECK_THAT(data.samples[2].photo, Catch::EndsWith("bee/three.jpg"));
    CHECK(data.samples[1].label == 0);
    CHECK(data.samples[2].label == 1);
}

TEST_CASE("classes that are given number the labels") {
    CHECK(read_image_folder(photo_folder, {"bee", "ant"}).samples[0].label == 0);
    CHECK_THROWS_WITH(read_image_folder(photo_folder, {"bee", "cow"}),
                      Catch::Contains("ant is not among the classes") &&
                          Catch::Contains("cow has no photos"));
}

TEST_CASE("folders without classes or photos are errors") {
    const temporary_folder folder;
    CHECK_THROWS_AS(read_image_folder(folder.path / "nowhere"), io_error);
    CHECK_THROWS_AS(read_image_folder(folder.path), format_error);
    folder.touch("cat/1.jpg");
    folder.touch("dog/1.txt");
    CHECK_THROWS_WITH(read_image_folder(folder.path), Catch::Contains("dog has no photos"));
    folder.touch("dog/1.jpeg");
    CHECK(read_image_folder(folder.path).samples.size() == 2);
}
