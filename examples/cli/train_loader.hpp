// The loaders of `fovea train`. train_loader.cpp alone compiles augmentation, once for each instruction set.
#pragma once

#include "train_truths.hpp"

#include <fovea/dispatch.hpp>
#include <fovea/preprocess/preset.hpp>
#include <fovea/train/data/batch_loader.hpp>
#include <fovea/train/data/classification_augmentation.hpp>
#include <fovea/train/data/detection_augmentation.hpp>
#include <fovea/train/data/detection_dataset.hpp>
#include <fovea/train/data/image_folder.hpp>

#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

namespace fovea::cli {

// Photos of a task and what happens to them; the data are copied.
struct detection_source {
    const detection_dataset* data = nullptr;
    detection_augmentation augmentation;
};
struct classification_source {
    const classification_dataset* data = nullptr;
    classification_augmentation augmentation;
};

// What a loader is made of.
struct train_loader_choice {
    std::variant<detection_source, classification_source> source;
    loader_settings loading;
    preset input;
    std::uint64_t seed = 1;
    photo_reader read;
};

class train_loader {
public:
    virtual ~train_loader() = default;

    // Batches without end; each is valid until the next call. Throws as the library's loaders do.
    virtual const image_batch& next() = 0;
    // Of the last batch.
    virtual train_truths truths() const noexcept = 0;

    virtual std::size_t batches_per_epoch() const noexcept = 0;
    virtual void seek(loader_position to) = 0;
    virtual std::vector<data_issue> issues() const = 0;
};

extern const dispatched<std::unique_ptr<train_loader>(const train_loader_choice&)> make_train_loader;

} // namespace fovea::cli
