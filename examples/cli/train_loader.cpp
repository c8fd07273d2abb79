#include "train_loader.hpp"

#include <fovea/train/data/detection_loader.hpp>

namespace fovea::cli {

namespace {

class arch_train_loader final : public train_loader {
public:
    explicit arch_train_loader(const train_loader_choice& c)
        : loader_(*c.data, settings(c), c.seed, c.read) {}

    const image_batch& next() override {
        loader_.next(batch_);
        truths_ = batch_.truths();
        return batch_;
    }
    const std::vector<ground_truth>& truths() const noexcept override { return truths_; }
    std::size_t batches_per_epoch() const noexcept override { return loader_.batches_per_epoch(); }
    void seek(loader_position to) override { loader_.seek(to); }
    std::vector<data_issue> issues() const override { return loader_.issues(); }

private:
    static detection_loader_settings settings(const train_loader_choice& c) {
        detection_loader_settings s;
        static_cast<loader_settings&>(s) = c.loading;
        s.augmentation = c.augmentation;
        s.input = c.input;
        return s;
    }

    detection_loader loader_;
    detection_batch batch_;
    std::vector<ground_truth> truths_;
};

std::unique_ptr<train_loader> make_arch_train_loader(const train_loader_choice& choice) {
    return std::make_unique<arch_train_loader>(choice);
}

} // namespace

FOVEA_DISPATCH(make_train_loader, make_arch_train_loader);

} // namespace fovea::cli
