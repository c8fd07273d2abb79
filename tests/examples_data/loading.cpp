// From annotation files to batches, with real photos: needs the readers of pictures.
#if FOVEA_TEST_IMAGES
#include "../../examples/coco_dataset.hpp"
#include "../../examples/voc_xml.hpp"

#include <fovea/train/data/classification_loader.hpp>
#include <fovea/train/data/detection_loader.hpp>
#include <fovea/train/data/read_photo.hpp>

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>

using namespace fovea;

namespace {

const std::string training_data = FOVEA_TEST_DATA "/train_data";

detection_loader_settings loading_settings() {
    detection_loader_settings settings;
    settings.batches = {2, false};
    settings.input = stretch_preset(16, 16, {0.5F, 0.5F, 0.5F}, {0.5F, 0.5F, 0.5F});
    return settings;
}

} // namespace

TEST_CASE("photos and boxes of VOC and COCO files become the same batches") {
    examples::coco_options names;
    names.classes = {"__background__", "cat", "dog"};
    const detection_dataset voc = examples::read_voc(training_data + "/voc", ""),
                            coco = examples::read_coco(training_data + "/coco.json",
                                                       training_data + "/voc/JPEGImages", names);
    detection_loader a(voc, loading_settings(), 1, read_photo), b(coco, loading_settings(), 1, read_photo);
    detection_batch from_voc, from_coco;
    a.next(from_voc);
    b.next(from_coco);
    REQUIRE(from_voc.count == 2);
    CHECK(from_voc.images == from_coco.images);
    CHECK(from_voc.objects[1].boxes == from_coco.objects[1].boxes);
    CHECK(from_voc.objects[0].boxes.size() == 2); // in COCO one of them is a crowd
    CHECK(from_coco.objects[0].boxes.size() == 1);
}

TEST_CASE("a truncated photo stops a loader with its name, or is left out") {
    const std::filesystem::path path = std::filesystem::temp_directory_path() / "fovea_test_truncated.jpg";
    {
        std::ifstream whole_photo(training_data + "/voc/JPEGImages/first.jpg", std::ios::binary);
        std::string bytes{std::istreambuf_iterator<char>(whole_photo), {}};
        std::ofstream(path, std::ios::binary) << bytes.substr(0, bytes.size() / 2);
    }
    detection_dataset data = examples::read_voc(training_data + "/voc", "");
    data.samples[0].photo = path.string();
    detection_loader_settings settings = loading_settings();
    detection_batch batch;
    detection_loader strict(data, settings, 1, read_photo);
    CHECK_THROWS_WITH(strict.next(batch), Catch::Contains(path.string() + ": bad JPEG"));
    settings.skip_unreadable = true;
    detection_loader lenient(data, settings, 1, read_photo);
    lenient.next(batch);
    CHECK(batch.files == std::vector<std::string>{data.samples[1].photo});
    REQUIRE(lenient.issues().size() == 1);
    CHECK_THAT(to_text(lenient.issues()[0]), Catch::EndsWith("; left out"));
    std::filesystem::remove(path);
}

TEST_CASE("a folder of photos becomes batches of a classifier") {
    classification_loader_settings settings;
    settings.batches = {3, false};
    settings.input = classification_preset(16, 20);
    settings.augmentation = classification_training_augmentation();
    classification_loader loader(read_image_folder(training_data + "/folder"), settings, 1, read_photo);
    classification_batch batch;
    loader.next(batch);
    CHECK(batch.labels == std::vector<int>{0, 0, 1});
}

TEST_CASE("every photo of BCCD has the size that its annotation says, where it is there", "[long]") {
    const std::filesystem::path bccd = std::filesystem::path(FOVEA_SHARED_DIR) / "data" / "bccd" / "BCCD";
    if (!std::filesystem::exists(bccd))
        return;
    detection_loader_settings settings = loading_settings();
    settings.batches.batch = 28; // 364 = 13 * 28
    settings.augmentation = scale_jitter_augmentation();
    detection_loader loader(examples::read_voc(bccd, ""), settings, 1, read_photo);
    detection_batch batch;
    std::size_t photos = 0, boxes = 0;
    for (std::size_t i = 0; i < loader.batches_per_epoch(); ++i) {
        loader.next(batch);
        photos += batch.count;
        for (const ground_truth& truth : batch.truths())
            boxes += truth.boxes.size();
        CHECK_NOTHROW(check(batch.truths(), 4, "loading"));
    }
    CHECK(photos == 364);
    CHECK(boxes > 2000);
}
#endif
