#include <fovea/train/data/classification_loader.hpp>

#include <catch2/catch.hpp>

#include "support/fill.hpp"

#include <string>
#include <vector>

using namespace fovea;

namespace {

image class_photo(const std::string& path) {
    if (path == "broken")
        throw format_error("broken: bad PNG");
    image photo(40, 30);
    photo.pixels = fovea::test::scene(path, 30, 40);
    return photo;
}

classification_dataset class_photos(std::size_t count) {
    classification_dataset data{{"ant", "bee", "cow"}, {}};
    for (std::size_t i = 0; i < count; ++i)
        data.samples.push_back({"photo " + std::to_string(i), static_cast<int>(i % 3)});
    return data;
}

classification_loader_settings class_settings(std::size_t workers = 1) {
    classification_loader_settings settings;
    settings.batches.batch = 4;
    settings.augmentation = classification_training_augmentation(0.5, 0.2);
    settings.input = classification_preset(16, 20);
    settings.workers = workers;
    return settings;
}

} // namespace

TEST_CASE("batches of a classifier: images, labels, files, the same for any number of workers") {
    const classification_dataset data = class_photos(10);
    classification_loader one(data, class_settings(), 3, class_photo),
        three(data, class_settings(3), 3, class_photo);
    CHECK(one.batches_per_epoch() == 3);
    classification_batch a, b;
    std::vector<int> seen(10);
    for (std::size_t i = 0; i < 7; ++i) {
        one.next(a);
        three.next(b);
        REQUIRE(a.images == b.images);
        REQUIRE(a.labels == b.labels);
        REQUIRE(a.count == (i % 3 == 2 ? 2U : 4U));
        REQUIRE(a.labels.size() == a.count);
        REQUIRE(a.input().shape() == std::array<std::size_t, 4>{a.count, 16, 16, 3});
        for (std::size_t k = 0; k < a.count; ++k) {
            CHECK(a.labels[k] == static_cast<int>(a.samples[k] % 3));
            CHECK(a.files[k] == data.samples[a.samples[k]].photo);
            seen[a.samples[k]] += i < 3 ? 1 : 0;
        }
    }
    CHECK(seen == std::vector<int>(10, 1));
    CHECK(one.position() == loader_position{2, 1});
    three.seek({0, 1});
    one.seek({0, 1});
    one.next(a);
    three.next(b);
    CHECK(a.position == loader_position{0, 1});
    CHECK(a.images == b.images);
}

TEST_CASE("unreadable photos of a classifier") {
    classification_dataset data = class_photos(4);
    data.samples[2].photo = "broken";
    classification_loader_settings settings = class_settings();
    settings.batches.shuffle = false;
    classification_batch batch;
    classification_loader strict(data, settings, 3, class_photo);
    CHECK_THROWS_WITH(strict.next(batch), "broken: bad PNG");
    settings.skip_unreadable = true;
    classification_loader lenient(data, settings, 3, class_photo);
    lenient.next(batch);
    lenient.next(batch);
    CHECK(batch.labels == std::vector<int>{0, 1, 0});
    CHECK(lenient.issues().size() == 1);
}

TEST_CASE("a classifier's settings that make no sense are errors") {
    const auto construct = [](auto change) {
        classification_loader_settings settings = class_settings();
        change(settings);
        classification_loader loader(class_photos(8), settings, 1, class_photo);
    };
    using settings = classification_loader_settings&;
    CHECK_NOTHROW(construct([](settings) {}));
    CHECK_THROWS_AS(construct([](settings s) { s.input = segmentation_preset(20); }), input_error);
    CHECK_THROWS_AS(construct([](settings s) { s.batches.aspect_groups = 3; }), input_error);
    CHECK_THROWS_AS(construct([](settings s) { s.workers = 0; }), input_error);
}
