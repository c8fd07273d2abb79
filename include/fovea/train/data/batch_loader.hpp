// What loaders of all tasks share: epochs of shuffled batches, photos with a cache, worker threads, and what
// happens to photos that cannot be read.
#pragma once

#include <fovea/error.hpp>
#include <fovea/preprocess/image.hpp>
#include <fovea/tensor/view.hpp>
#include <fovea/train/data/data_issue.hpp>
#include <fovea/train/data/epoch_plan.hpp>
#include <fovea/train/data/photo_source.hpp>
#include <fovea/train/data/prefetcher.hpp>
#include <fovea/train/random.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace fovea {

struct loader_settings {
    batch_settings batches;
    bool skip_unreadable = false;       // leaves out photos with errors, instead of throwing
    std::size_t cache_bytes = 0;        // of decoded photos to keep; 640x480 pixels are 0.9 MB
    std::size_t workers = 1, ahead = 2; // threads; batches prepared early
};

// The number of workers. Throws input_error unless there are some and room for what they make.
inline std::size_t checked_workers(const loader_settings& settings) {
    constexpr std::size_t most_workers = 1024, most_ahead = 1024;
    const auto fits = [](std::size_t n, std::size_t most) { return n > 0 && n <= most; };
    if (!fits(settings.workers, most_workers) || !fits(settings.ahead, most_ahead))
        throw input_error("loader: expected 1 .. " + std::to_string(most_workers) +
                          " workers and batches ahead, got " + std::to_string(settings.workers) + " and " +
                          std::to_string(settings.ahead));
    return settings.workers;
}

// The images of a batch and where they come from.
struct image_batch {
    loader_position position;  // of this batch
    std::vector<float> images; // [count, height, width, 3], normalized
    std::size_t count = 0, height = 0, width = 0;
    std::vector<std::size_t> samples; // an image each: its number in the data set
    std::vector<std::string> files;   // an image each: its photo

    view<const float, 4> input() const noexcept {
        return {images.data(), {count, height, width, std::size_t{3}}};
    }
    // Image number i.
    view<float, 3> image(std::size_t i) noexcept {
        return {images.data() + 3 * height * width * i, {height, width, std::size_t{3}}};
    }
};

// Batches without end, epoch after epoch. Every number is a function of samples, settings and seed: the same
// for any number of workers, and after seek() as in an uninterrupted run. Batch is an image_batch.
template <class Batch>
class batch_loader {
public:
    struct sample {
        std::string photo; // path
        image_size size;   // for groups by aspect
    };
    // Makes image number batch.count of `batch`, which has room for it, from a sample's photo.
    using image_maker = std::function<void(std::size_t number, const image& photo, random_stream& random,
                                           Batch& batch, std::size_t worker)>;

    // Throws input_error when there are too few samples, or settings make no sense.
    batch_loader(std::vector<sample> samples, const loader_settings& settings, image_size input,
                 std::uint64_t seed, photo_reader read, image_maker make_image)
        : samples_(std::move(samples)), settings_(settings), input_(input), seed_(seed),
          photos_(std::move(read), settings.cache_bytes), make_image_(std::move(make_image)) {
        for (const sample& s : samples_)
            sizes_.push_back(s.size);
        batches_ = fovea::batches_per_epoch(sizes_.size(), settings_.batches);
        prefetcher_ = std::make_unique<prefetcher<Batch>>(
            [this](std::uint64_t number, Batch& batch, std::size_t worker) { make(number, batch, worker); },
            checked_workers(settings_), settings_.ahead);
    }

    // Exchanges `batch`, whose memory is used again, for the next one. Rethrows what went wrong in a worker;
    // the loader then stays where it is.
    void next(Batch& batch) { prefetcher_->next(batch); }

    std::size_t batches_per_epoch() const noexcept { return batches_; }

    // Of the batch that next() will give: what a checkpoint keeps.
    loader_position position() const {
        const std::uint64_t number = prefetcher_->position();
        return {static_cast<std::size_t>(number / batches_), static_cast<std::size_t>(number % batches_)};
    }
    void seek(loader_position to) { prefetcher_->seek(to.epoch * batches_ + to.batch); }

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

    void make(std::uint64_t number, Batch& batch, std::size_t worker) {
        const auto epoch = static_cast<std::size_t>(number / batches_),
                   index = static_cast<std::size_t>(number % batches_);
        const std::shared_ptr<const batch_plan> plan = this->plan(epoch);
        const std::vector<std::size_t>& samples = (*plan)[index];
        const std::size_t floats = 3 * input_.height * input_.width;
        batch.position = {epoch, index};
        batch.height = input_.height;
        batch.width = input_.width;
        batch.count = 0;
        batch.images.resize(samples.size() * floats);
        batch.samples.clear();
        batch.files.clear();
        for (std::size_t i = 0; i < samples.size(); ++i) {
            random_stream random = image_stream(seed_, epoch, index * settings_.batches.batch + i);
            add(samples[i], random, batch, worker);
        }
        batch.images.resize(batch.count * floats);
        if (batch.count == 0)
            throw io_error("none of the " + std::to_string(samples.size()) +
                           " photos of a batch can be read, " + samples_[samples[0]].photo + " among them");
    }

    // Appends one sample, unless it is left out.
    void add(std::size_t number, random_stream& random, Batch& batch, std::size_t worker) {
        const std::string& photo = samples_[number].photo;
        try {
            make_image_(number, *photos_.get(photo), random, batch, worker);
        } catch (const error& e) {
            if (!settings_.skip_unreadable)
                throw;
            const std::lock_guard<std::mutex> lock(mutex_);
            if (reported_.insert(photo).second)
                issues_.push_back({photo, 0, e.what(), "left out"});
            return;
        }
        ++batch.count;
        batch.samples.push_back(number);
        batch.files.push_back(photo);
    }

    std::vector<sample> samples_;
    std::vector<image_size> sizes_;
    loader_settings settings_;
    image_size input_;
    std::uint64_t seed_;
    photo_source photos_;
    image_maker make_image_;
    std::size_t batches_ = 0;
    mutable std::mutex mutex_; // guards what follows
    std::shared_ptr<const batch_plan> plan_;
    std::size_t planned_ = 0;
    std::set<std::string> reported_;
    std::vector<data_issue> issues_;
    std::unique_ptr<prefetcher<Batch>> prefetcher_; // last: its threads use the rest
};

} // namespace fovea
