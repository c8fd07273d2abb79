// The loader of `fovea train`. train_loader.cpp alone compiles augmentation, once for each instruction set.
#pragma once

#include <fovea/dispatch.hpp>
#include <fovea/preprocess/preset.hpp>
#include <fovea/train/data/batch_loader.hpp>
#include <fovea/train/data/detection_augmentation.hpp>
#include <fovea/train/data/detection_dataset.hpp>
#include <fovea/train/target/ground_truth.hpp>

#include <cstdint>
#include <memory>
#include <vector>

namespace fovea::cli {

// What a loader is made of.
struct train_loader_choice {
    const detection_dataset* data = nullptr; // copied
    loader_settings loading;
    detection_augmentation augmentation;
    preset input;
    std::uint64_t seed = 1;
    photo_reader read;
};

class train_loader {
public:
    virtual ~train_loader() = default;

    // Batches without end; each is valid until the next call. Throws as fovea::detection_loader does.
    virtual const image_batch& next() = 0;
    // Of the last batch.
    virtual const std::vector<ground_truth>& truths() const noexcept = 0;

    virtual std::size_t batches_per_epoch() const noexcept = 0;
    virtual void seek(loader_position to) = 0;
    virtual std::vector<data_issue> issues() const = 0;
};

extern const dispatched<std::unique_ptr<train_loader>(const train_loader_choice&)> make_train_loader;

} // namespace fovea::cli
