// Batches for training a detector: photos in, augmented and normalized images and their boxes out, prepared
// by worker threads ahead of the training loop.
#pragma once

#include <fovea/arch.hpp>
#include <fovea/error.hpp>
#include <fovea/preprocess/preset.hpp>
#include <fovea/train/data/augment_detection.hpp>
#include <fovea/train/data/batch_loader.hpp>
#include <fovea/train/data/detection_dataset.hpp>
#include <fovea/train/target/ground_truth.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace fovea {

struct detection_loader_settings : loader_settings {
    detection_augmentation augmentation;
    preset input;              // stretches or fits photos: one size for all
    bool use_difficult = true; // crowds are never used
};

struct detection_batch : image_batch {
    std::vector<training_objects> objects; // an image each: boxes in pixels of the input

    // As losses take them; valid while the batch is.
    std::vector<ground_truth> truths() const {
        std::vector<ground_truth> out;
        for (std::size_t i = 0; i < count; ++i)
            out.push_back({objects[i].boxes, objects[i].labels});
        return out;
    }
};

namespace detail {

// The objects that training uses, in pixels of the photo.
inline training_objects used_objects(const detection_sample& sample, bool use_difficult) {
    training_objects objects;
    for (const labeled_box& object : sample.objects)
        if (!object.crowd && (use_difficult || !object.difficult)) {
            objects.boxes.push_back(object.corners);
            objects.labels.push_back(object.label);
        }
    return objects;
}

// Throws input_error that names both files.
inline void check_photo_size(const detection_sample& sample, image_size found) {
    const auto text = [](image_size s) { return std::to_string(s.width) + "x" + std::to_string(s.height); };
    if (found != sample.size)
        throw input_error(sample.photo + ": has " + text(found) + " pixels, but " + sample.annotation_file +
                          " says " + text(sample.size));
}

} // namespace detail

} // namespace fovea

FOVEA_ARCH_NAMESPACE_BEGIN

// Batches without end, epoch after epoch. Every number is a function of data set, settings and seed: the same
// for any number of workers, and after seek() as in an uninterrupted run.
class detection_loader {
public:
    // Throws input_error when there are too few samples, or settings make no sense.
    detection_loader(const detection_dataset& data, const detection_loader_settings& settings,
                     std::uint64_t seed, photo_reader read)
        : samples_(data.samples), settings_(settings), workspaces_(checked_workers(settings)),
          loader_(photos_of(data, settings), settings, {settings.input.width, settings.input.height}, seed,
                  std::move(read),
                  [this](std::size_t number, const image& photo, random_stream& random,
                         detection_batch& batch, std::size_t worker) {
                      make_image(number, photo, random, batch, workspaces_[worker]);
                  }) {}
    detection_loader(const detection_loader&) = delete;
    detection_loader& operator=(const detection_loader&) = delete;

    // Exchanges `batch`, whose memory is used again, for the next one. Throws what the reader of photos
    // threw, input_error when a photo has another size than its annotation says; the loader then stays where
    // it is.
    void next(detection_batch& batch) { loader_.next(batch); }

    std::size_t batches_per_epoch() const noexcept { return loader_.batches_per_epoch(); }

    // Of the batch that next() will give: what a checkpoint keeps.
    loader_position position() const { return loader_.position(); }
    void seek(loader_position to) { loader_.seek(to); }

    // What was left out because of skip_unreadable, each photo once.
    std::vector<data_issue> issues() const { return loader_.issues(); }

private:
    static std::vector<batch_loader<detection_batch>::sample>
    photos_of(const detection_dataset& data, const detection_loader_settings& settings) {
        detail::check_size({settings.input.width, settings.input.height}, "network input");
        detail::check_trainable(settings.augmentation, settings.input);
        std::vector<batch_loader<detection_batch>::sample> photos;
        for (const detection_sample& sample : data.samples)
            photos.push_back({sample.photo, sample.size});
        return photos;
    }

    void make_image(std::size_t number, const image& photo, random_stream& random, detection_batch& batch,
                    augment_workspace& workspace) {
        const detection_sample& sample = samples_[number];
        detail::check_photo_size(sample, photo.size());
        training_objects objects = detail::used_objects(sample, settings_.use_difficult);
        augment(settings_.augmentation, settings_.input, photo, objects, random, batch.image(batch.count),
                workspace);
        batch.objects.resize(batch.count); // drops those of the batch that had the memory before
        batch.objects.push_back(std::move(objects));
    }

    std::vector<detection_sample> samples_;
    detection_loader_settings settings_;
    std::vector<augment_workspace> workspaces_; // one a worker
    batch_loader<detection_batch> loader_;      // last: its threads use the rest
};

FOVEA_ARCH_NAMESPACE_END
