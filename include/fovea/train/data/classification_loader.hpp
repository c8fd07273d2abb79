// Batches for training a classifier: photos in, augmented and normalized images and their labels out.
#pragma once

#include <fovea/arch.hpp>
#include <fovea/error.hpp>
#include <fovea/preprocess/preset.hpp>
#include <fovea/train/data/augment_classification.hpp>
#include <fovea/train/data/batch_loader.hpp>
#include <fovea/train/data/image_folder.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace fovea {

struct classification_loader_settings : loader_settings {
    classification_augmentation augmentation;
    preset input; // centre_crop or stretch: one size for all
};

struct classification_batch : image_batch {
    std::vector<int> labels; // one an image
};

} // namespace fovea

FOVEA_ARCH_NAMESPACE_BEGIN

// Batches without end, epoch after epoch. Every number is a function of data set, settings and seed: the same
// for any number of workers, and after seek() as in an uninterrupted run.
class classification_loader {
public:
    // Throws input_error when there are too few samples, or settings make no sense.
    classification_loader(const classification_dataset& data, const classification_loader_settings& settings,
                          std::uint64_t seed, photo_reader read)
        : samples_(data.samples), settings_(settings), workspaces_(checked_workers(settings)),
          loader_(photos_of(data, settings), settings, {settings.input.width, settings.input.height}, seed,
                  std::move(read),
                  [this](std::size_t number, const image& photo, random_stream& random,
                         classification_batch& batch, std::size_t worker) {
                      augment(settings_.augmentation, settings_.input, photo, random,
                              batch.image(batch.count), workspaces_[worker]);
                      batch.labels.resize(batch.count); // drops those of the batch that had the memory before
                      batch.labels.push_back(samples_[number].label);
                  }) {}
    classification_loader(const classification_loader&) = delete;
    classification_loader& operator=(const classification_loader&) = delete;

    // Exchanges `batch`, whose memory is used again, for the next one. Throws what the reader of photos
    // threw; the loader then stays where it is.
    void next(classification_batch& batch) { loader_.next(batch); }

    std::size_t batches_per_epoch() const noexcept { return loader_.batches_per_epoch(); }

    // Of the batch that next() will give: what a checkpoint keeps.
    loader_position position() const { return loader_.position(); }
    void seek(loader_position to) { loader_.seek(to); }

    // What was left out because of skip_unreadable, each photo once.
    std::vector<data_issue> issues() const { return loader_.issues(); }

private:
    static std::vector<batch_loader<classification_batch>::sample>
    photos_of(const classification_dataset& data, const classification_loader_settings& settings) {
        detail::check_size({settings.input.width, settings.input.height}, "network input");
        if (settings.input.rule != resize_rule::centre_crop && settings.input.rule != resize_rule::stretch)
            throw input_error("classification_loader: expected a preset whose inputs have one size");
        if (settings.batches.aspect_groups >= 0)
            throw input_error("classification_loader: photos of all aspects become one; expected no groups");
        std::vector<batch_loader<classification_batch>::sample> photos;
        for (const classified_photo& sample : data.samples)
            photos.push_back({sample.photo, {}});
        return photos;
    }

    std::vector<classified_photo> samples_;
    classification_loader_settings settings_;
    std::vector<augment_workspace> workspaces_; // one a worker
    batch_loader<classification_batch> loader_; // last: its threads use the rest
};

FOVEA_ARCH_NAMESPACE_END
