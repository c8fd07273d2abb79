#include "train_loader.hpp"

#include <fovea/train/data/classification_loader.hpp>
#include <fovea/train/data/detection_loader.hpp>

namespace fovea::cli {

namespace {

// Loader: the library's, of Batch.
template <class Loader, class Batch>
class arch_train_loader final : public train_loader {
public:
    template <class Source, class Settings>
    arch_train_loader(const Source& source, const Settings& settings, const train_loader_choice& c)
        : loader_(*source.data, settings, c.seed, c.read) {}

    const image_batch& next() override {
        loader_.next(batch_);
        if constexpr (std::is_same_v<Batch, detection_batch>)
            objects_ = batch_.truths();
        return batch_;
    }
    train_truths truths() const noexcept override {
        if constexpr (std::is_same_v<Batch, detection_batch>)
            return {objects_, {}};
        else
            return {{}, batch_.labels};
    }
    std::size_t batches_per_epoch() const noexcept override { return loader_.batches_per_epoch(); }
    void seek(loader_position to) override { loader_.seek(to); }
    std::vector<data_issue> issues() const override { return loader_.issues(); }

private:
    Loader loader_;
    Batch batch_;
    std::vector<ground_truth> objects_;
};

template <class Settings, class Source>
Settings settings_for(const Source& source, const train_loader_choice& c) {
    Settings s;
    static_cast<loader_settings&>(s) = c.loading;
    s.augmentation = source.augmentation;
    s.input = c.input;
    return s;
}

std::unique_ptr<train_loader> make_arch_train_loader(const train_loader_choice& c) {
    if (const auto* source = std::get_if<detection_source>(&c.source))
        return std::make_unique<arch_train_loader<detection_loader, detection_batch>>(
            *source, settings_for<detection_loader_settings>(*source, c), c);
    const auto& source = std::get<classification_source>(c.source);
    return std::make_unique<arch_train_loader<classification_loader, classification_batch>>(
        source, settings_for<classification_loader_settings>(source, c), c);
}

} // namespace

FOVEA_DISPATCH(make_train_loader, make_arch_train_loader);

} // namespace fovea::cli
