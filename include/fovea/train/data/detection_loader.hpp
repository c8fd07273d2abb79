// Batches for training a detector: photos in, augmented and normalized images and their boxes out, prepared
// by worker threads ahead of the training loop.
#pragma once

#include <fovea/arch.hpp>
#include <fovea/error.hpp>
#include <fovea/preprocess/preset.hpp>
#include <fovea/tensor/view.hpp>
#include <fovea/train/data/augment_detection.hpp>
#include <fovea/train/data/detection_dataset.hpp>
#include <fovea/train/data/epoch_plan.hpp>
#include <fovea/train/data/photo_source.hpp>
#include <fovea/train/data/prefetcher.hpp>
#include <fovea/train/target/ground_truth.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace fovea {

struct detection_loader_settings {
    batch_settings batches;
    detection_augmentation augmentation;
    preset input;                       // must stretch: one size for all
    bool use_difficult = true;          // crowds are never used
    bool skip_unreadable = false;       // leaves out photos that cannot be read, instead of throwing
    std::size_t cache_bytes = 0;        // of decoded photos to keep; 640x480 pixels are 0.9 MB
    std::size_t workers = 1, ahead = 2; // threads; batches prepared early
};

struct detection_batch {
    loader_position position;  // of this batch
    std::vector<float> images; // [count, height, width, 3], normalized
    std::size_t count = 0, height = 0, width = 0;
    std::vector<training_objects> objects; // an image each: boxes in pixels of the input
    std::vector<std::size_t> samples;      // an image each: its number in the data set
    std::vector<std::string> files;        // an image each: its photo

    view<const float, 4> input() const noexcept {
        return {images.data(), {count, height, width, std::size_t{3}}};
    }
    // As losses take them; valid while the batch is.
    std::vector<ground_truth> truths() const {
        std::vector<ground_truth> out;
        for (std::size_t i = 0; i < count; ++i)
            out.push_back({objects[i].boxes, objects[i].labels});
        return out;
    }
};

} // namespace fovea

FOVEA_ARCH_NAMESPACE_BEGIN

// Batches without end, epoch after epoch. Every number is a function of data set, settings and seed: the same
// for any number of workers, and after seek() as in an uninterrupted run.
class detection_loader {
public:
    // Keeps a reference to `data`. Throws input_error when there are too few samples, or settings make no
    // sense.
    detection_loader(const detection_dataset& data, detection_loader_settings settings, std::uint64_t seed,
                     photo_reader read)
        : data_(data), settings_(std::move(settings)), seed_(seed),
          photos_(std::move(read), settings_.cache_bytes), workspaces_(settings_.workers) {
        detail::check_size({settings_.input.width, settings_.input.height}, "network input");
        if (settings_.input.rule != resize_rule::stretch)
            throw input_error("detection_loader: expected a preset that stretches photos to one size");
        for (const detection_sample& sample : data_.samples)
            sizes_.push_back(sample.size);
        batches_ = fovea::batches_per_epoch(sizes_.size(), settings_.batches);
        batches_ahead_ = std::make_unique<prefetcher<detection_batch>>(
            [this](std::uint64_t number, detection_batch& batch, std::size_t worker) {
                make(number, batch, worker);
            },
            settings_.workers, settings_.ahead);
    }

    // Exchanges `batch`, whose memory is used again, for the next one. Throws what the reader of photos
    // threw, input_error when a photo has another size than its annotation says; the loader then stays where
    // it is.
    void next(detection_batch& batch) { batches_ahead_->next(batch); }

    std::size_t batches_per_epoch() const noexcept { return batches_; }

    // Of the batch that next() will give: what a checkpoint keeps.
    loader_position position() const {
        const std::uint64_t number = batches_ahead_->position();
        return {static_cast<std::size_t>(number / batches_), static_cast<std::size_t>(number % batches_)};
    }
    void seek(loader_position to) { batches_ahead_->seek(to.epoch * batches_ + to.batch); }

    // What was left out because of skip_unreadable, each photo once.
    std::vector<data_issue> issues() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return issues_;
    }

private:
    std::shared_ptr<const batch_plan> plan(std::size_t epoch) {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (!plan_ || planned_ != epoch) {
            plan_ = std::make_shared<const batch_plan>(plan_epoch(sizes_, settings_.batches, seed_, epoch));
            planned_ = epoch;
        }
        return plan_;
    }

    void make(std::uint64_t number, detection_batch& batch, std::size_t worker) {
        const auto epoch = static_cast<std::size_t>(number / batches_),
                   index = static_cast<std::size_t>(number % batches_);
        const std::shared_ptr<const batch_plan> plan = this->plan(epoch);
        const std::vector<std::size_t>& samples = (*plan)[index];
        const preset& input = settings_.input;
        const std::size_t floats = 3 * input.height * input.width;
        batch.position = {epoch, index};
        batch.height = input.height;
        batch.width = input.width;
        batch.count = 0;
        batch.images.resize(samples.size() * floats);
        batch.objects.resize(samples.size());
        batch.samples.clear();
        batch.files.clear();
        for (std::size_t i = 0; i < samples.size(); ++i) {
            random_stream random = image_stream(seed_, epoch, index * settings_.batches.batch + i);
            add(samples[i], random, batch, workspaces_[worker]);
        }
        batch.images.resize(batch.count * floats);
        batch.objects.resize(batch.count);
        if (batch.count == 0)
            throw io_error("none of the " + std::to_string(samples.size()) +
                           " photos of a batch can be read, " + data_.samples[samples[0]].photo +
                           " among them");
    }

    // Appends one sample, unless its photo is left out.
    void add(std::size_t number, random_stream& random, detection_batch& batch,
             augment_workspace& workspace) {
        const detection_sample& sample = data_.samples[number];
        const std::shared_ptr<const image> photo = read(sample);
        if (!photo)
            return;
        training_objects& objects = batch.objects[batch.count];
        objects.boxes.clear();
        objects.labels.clear();
        for (const labeled_box& object : sample.objects)
            if (!object.crowd && (settings_.use_difficult || !object.difficult)) {
                objects.boxes.push_back(object.corners);
                objects.labels.push_back(object.label);
            }
        const std::size_t floats = 3 * batch.height * batch.width;
        augment(settings_.augmentation, settings_.input, *photo, objects, random,
                {batch.images.data() + batch.count * floats, {batch.height, batch.width, std::size_t{3}}},
                workspace);
        ++batch.count;
        batch.samples.push_back(number);
        batch.files.push_back(sample.photo);
    }

    // None when the photo is left out.
    std::shared_ptr<const image> read(const detection_sample& sample) {
        try {
            const std::shared_ptr<const image> photo = photos_.get(sample.photo);
            if (photo->size() != sample.size)
                throw input_error(sample.photo + ": has " + size_text(photo->size()) + " pixels, but " +
                                  sample.annotation_file + " says " + size_text(sample.size));
            return photo;
        } catch (const error& e) {
            if (!settings_.skip_unreadable)
                throw;
            const std::lock_guard<std::mutex> lock(mutex_);
            if (reported_.insert(sample.photo).second)
                issues_.push_back({sample.photo, 0, e.what(), "left out"});
            return nullptr;
        }
    }

    static std::string size_text(image_size size) {
        return std::to_string(size.width) + "x" + std::to_string(size.height);
    }

    const detection_dataset& data_;
    detection_loader_settings settings_;
    std::uint64_t seed_;
    photo_source photos_;
    std::vector<augment_workspace> workspaces_; // one a worker
    std::vector<image_size> sizes_;
    std::size_t batches_ = 0;
    mutable std::mutex mutex_; // guards what follows
    std::shared_ptr<const batch_plan> plan_;
    std::size_t planned_ = 0;
    std::set<std::string> reported_;
    std::vector<data_issue> issues_;
    std::unique_ptr<prefetcher<detection_batch>> batches_ahead_; // last: its threads use the rest
};

FOVEA_ARCH_NAMESPACE_END
