#include <fovea/train/data/detection_loader.hpp>

#include <catch2/catch.hpp>

#include "support/fill.hpp"

#include <atomic>
#include <memory>
#include <string>
#include <vector>

using namespace fovea;

namespace {

image scene_photo_at(const std::string& path) {
    image photo(40, 30);
    photo.pixels = fovea::test::scene(path, 30, 40);
    return photo;
}

detection_dataset scenes(std::size_t count) {
    detection_dataset data;
    data.classes = {"__background__", "cat", "dog"};
    for (std::size_t i = 0; i < count; ++i) {
        const float x = static_cast<float>(i % 20);
        data.samples.push_back(
            {"photo " + std::to_string(i),
             {40, 30},
             {{{x, 2, x + 12, 20}, 1}, {{1, 3, 30, 28}, 2, true}, {{0, 0, 40, 30}, 2, false, true}},
             "all.xml",
             static_cast<std::int64_t>(i)});
    }
    return data;
}

detection_loader_settings small_settings(std::size_t workers = 1) {
    detection_loader_settings settings;
    settings.batches.batch = 4;
    settings.augmentation = scale_jitter_augmentation();
    settings.input = stretch_preset(16, 24, {0.5F, 0.5F, 0.5F}, {0.5F, 0.5F, 0.5F});
    settings.workers = workers;
    return settings;
}

bool same(const detection_batch& a, const detection_batch& b) {
    if (a.position != b.position || a.images != b.images || a.files != b.files || a.samples != b.samples ||
        a.count != b.count)
        return false;
    for (std::size_t i = 0; i < a.count; ++i)
        if (a.objects[i].boxes != b.objects[i].boxes || a.objects[i].labels != b.objects[i].labels)
            return false;
    return true;
}

std::vector<detection_batch> take(detection_loader& loader, std::size_t count) {
    std::vector<detection_batch> batches(count);
    for (detection_batch& batch : batches) {
        detection_batch fresh;
        loader.next(fresh);
        batch = fresh;
    }
    return batches;
}

} // namespace

TEST_CASE("a batch has images, objects and where they come from") {
    const detection_dataset data = scenes(10);
    detection_loader_settings settings = small_settings();
    settings.augmentation = {};
    settings.batches.shuffle = false;
    detection_loader loader(data, settings, 1, scene_photo_at);
    CHECK(loader.batches_per_epoch() == 3);
    detection_batch batch;
    loader.next(batch);
    CHECK(batch.count == 4);
    CHECK(batch.input().shape() == std::array<std::size_t, 4>{4, 16, 24, 3});
    CHECK(batch.images.size() == 4U * 16 * 24 * 3);
    CHECK(batch.files == std::vector<std::string>{"photo 0", "photo 1", "photo 2", "photo 3"});
    CHECK(batch.samples == std::vector<std::size_t>{0, 1, 2, 3});
    const auto truths = batch.truths();
    REQUIRE(truths.size() == 4);
    REQUIRE(truths[1].boxes.size() == 2); // not the crowd
    CHECK(truths[1].labels[0] == 1);
    CHECK(truths[1].boxes[0].x2 == Approx(13 * 24 / 40.0));
    CHECK(truths[1].boxes[0].y2 == Approx(20 * 16 / 30.0));
    // The pixels are the preset's of that photo.
    std::vector<float> expected(16 * 24 * 3);
    preprocess_workspace workspace;
    apply(settings.input, scene_photo_at("photo 2"), view<float, 3>(expected.data(), {16, 24, 3}), workspace);
    CHECK(std::equal(expected.begin(), expected.end(), batch.images.begin() + 2 * 16 * 24 * 3));
    loader.next(batch);
    loader.next(batch);
    CHECK(batch.position == loader_position{0, 2});
    CHECK(batch.count == 2); // the last one of the epoch
    CHECK(batch.truths().size() == 2);
    CHECK(batch.images.size() == 2U * 16 * 24 * 3);
    loader.next(batch);
    CHECK(batch.position == loader_position{1, 0});
}

TEST_CASE("difficult objects are left out where that is asked for") {
    detection_loader_settings settings = small_settings();
    settings.augmentation = {};
    settings.use_difficult = false;
    detection_loader loader(scenes(4), settings, 1, scene_photo_at);
    detection_batch batch;
    loader.next(batch);
    CHECK(batch.objects[0].labels == std::vector<int>{1});
}

TEST_CASE("batches are the same for any number of workers and with a cache") {
    const detection_dataset data = scenes(11);
    detection_loader one(data, small_settings(), 7, scene_photo_at);
    const auto expected = take(one, 10);
    CHECK(one.position() == loader_position{3, 1});
    for (const std::size_t workers : {2U, 4U}) {
        detection_loader_settings settings = small_settings(workers);
        settings.ahead = 3;
        settings.cache_bytes = 5 * 3600;
        detection_loader many(data, settings, 7, scene_photo_at);
        const auto batches = take(many, 10);
        for (std::size_t i = 0; i < 10; ++i)
            CHECK(same(batches[i], expected[i]));
    }
    detection_loader other(data, small_settings(), 8, scene_photo_at);
    CHECK_FALSE(same(take(other, 1)[0], expected[0]));
    CHECK(expected[0].images != expected[3].images); // another epoch
}

TEST_CASE("a loader goes on from a position as if it had never stopped") {
    const detection_dataset data = scenes(11);
    detection_loader whole_run(data, small_settings(2), 7, scene_photo_at);
    const auto expected = take(whole_run, 9);
    for (std::size_t stop = 0; stop < 8; ++stop) {
        detection_loader resumed(data, small_settings(2), 7, scene_photo_at);
        take(resumed, stop % 3); // whatever it did before
        resumed.seek(expected[stop].position);
        CHECK(resumed.position() == expected[stop].position);
        CHECK(same(take(resumed, 1)[0], expected[stop]));
        CHECK(same(take(resumed, 1)[0], expected[stop + 1]));
    }
}

TEST_CASE("a photo that cannot be read stops the loader with its name") {
    const auto read = [](const std::string& path) {
        if (path == "photo 5")
            throw format_error(path + ": bad JPEG: broken");
        return scene_photo_at(path);
    };
    detection_loader_settings settings = small_settings(2);
    settings.batches.shuffle = false;
    detection_loader loader(scenes(12), settings, 1, read);
    detection_batch batch;
    loader.next(batch);
    CHECK_THROWS_WITH(loader.next(batch), "photo 5: bad JPEG: broken");
    CHECK_THROWS_AS(loader.next(batch), format_error);
    CHECK(loader.position() == loader_position{0, 1});
    CHECK(loader.issues().empty());
    loader.seek({0, 2});
    loader.next(batch);
    CHECK(batch.samples == std::vector<std::size_t>{8, 9, 10, 11});
}

TEST_CASE("or is left out of its batches and reported once") {
    const auto read = [](const std::string& path) {
        if (path == "photo 5" || path == "photo 7")
            throw format_error(path + ": bad JPEG: broken");
        return scene_photo_at(path);
    };
    detection_loader_settings settings = small_settings(2);
    settings.batches.shuffle = false;
    settings.skip_unreadable = true;
    detection_loader loader(scenes(12), settings, 1, read);
    const auto batches = take(loader, 7); // two epochs and one batch
    CHECK(batches[1].samples == std::vector<std::size_t>{4, 6});
    CHECK(batches[1].objects.size() == 2);
    CHECK(batches[1].images.size() == 2U * 16 * 24 * 3);
    CHECK(batches[4].samples == std::vector<std::size_t>{4, 6});
    const auto issues = loader.issues();
    REQUIRE(issues.size() == 2);
    CHECK(issues[0].file != issues[1].file);
    CHECK(issues[0].action == "left out");
    CHECK_THAT(issues[0].what, Catch::Contains("bad JPEG"));
    // The others are augmented as if it were there.
    detection_loader all(scenes(12), settings, 1, scene_photo_at);
    const auto full = take(all, 2);
    const std::size_t floats = 16 * 24 * 3;
    CHECK(std::equal(batches[1].images.begin() + floats, batches[1].images.end(),
                     full[1].images.begin() + 2 * floats));
}

TEST_CASE("a batch of unreadable photos only is an error") {
    detection_loader_settings settings = small_settings();
    settings.skip_unreadable = true;
    detection_loader loader(scenes(4), settings, 1, [](const std::string& path) -> image {
        throw io_error(path + ": no such file");
    });
    detection_batch batch;
    CHECK_THROWS_WITH(loader.next(batch), Catch::Contains("none of the 4 photos"));
}

TEST_CASE("a photo of another size than its annotation says names both files") {
    detection_dataset data = scenes(4);
    for (detection_sample& sample : data.samples)
        sample.size = {40, 31};
    detection_loader loader(data, small_settings(), 1, scene_photo_at);
    detection_batch batch;
    CHECK_THROWS_WITH(loader.next(batch), Catch::Contains("has 40x30 pixels, but all.xml says 40x31"));
}

TEST_CASE("settings that make no sense are errors") {
    const auto construct = [](auto change, std::size_t samples = 8) {
        detection_loader_settings settings = small_settings();
        change(settings);
        detection_loader loader(scenes(samples), settings, 1, scene_photo_at);
    };
    using settings = detection_loader_settings&;
    CHECK_NOTHROW(construct([](settings) {}));
    CHECK_THROWS_AS(construct([](settings) {}, 0), input_error);
    CHECK_THROWS_AS(construct([](settings s) { s.workers = 0; }), input_error);
    CHECK_THROWS_AS(construct([](settings s) { s.workers = std::size_t{1} << 40U; }), input_error);
    CHECK_THROWS_AS(construct([](settings s) { s.ahead = 0; }), input_error);
    CHECK_THROWS_AS(construct([](settings s) { s.batches.batch = 0; }), input_error);
    CHECK_THROWS_AS(construct([](settings s) { s.input = preset{}; }), input_error);
    CHECK_THROWS_AS(construct([](settings s) { s.input = segmentation_preset(16); }), input_error);
    CHECK_THROWS_AS(construct([](settings s) { s.augmentation = efficientdet_augmentation(); }), input_error);
    CHECK_THROWS_AS(detection_loader(scenes(8), small_settings(), 1, nullptr), input_error);
}

TEST_CASE("a loader can be destroyed at any moment") {
    const detection_dataset data = scenes(11);
    for (std::size_t i = 0; i < 20; ++i) {
        detection_loader loader(data, small_settings(1 + i % 3), 7, scene_photo_at);
        take(loader, i % 4);
        if (i % 5 == 0)
            loader.seek({3, 1});
    }
    SUCCEED();
}
