#include "ssd_case.hpp"
#include "support/executors.hpp"

#include <fovea/train/loss/efficientdet.hpp>
#include <fovea/train/loss/ssd.hpp>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::size_t> allocations{0};

} // namespace

// Every allocation of this test program is counted. The forms without exceptions too: the sanitizers have
// their own, which do not go with the others' delete.
__attribute__((noinline)) void* operator new(std::size_t size) {
    ++allocations;
    if (void* memory = std::malloc(size == 0 ? 1 : size))
        return memory;
    throw std::bad_alloc();
}
__attribute__((noinline)) void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    ++allocations;
    return std::malloc(size == 0 ? 1 : size);
}
__attribute__((noinline)) void operator delete(void* memory) noexcept {
    std::free(memory);
}
__attribute__((noinline)) void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}

TEST_CASE("The SSD loss allocates nothing after the first batch, of any loss and of smaller batches") {
    const fovea::test::ssd_case c(300, 7, {4, 0, 20, 3});
    const std::vector<float> logits = fovea::test::to_float(c.logits),
                             offsets = fovea::test::to_float(c.offsets);
    const std::vector<fovea::ground_truth> targets = c.targets();
    std::vector<float> cls_gradient(logits.size()), box_gradient(offsets.size());
    fovea::thread_executor ex(2);
    for (fovea::ssd_class_loss kind : {fovea::ssd_class_loss::hard_negatives, fovea::ssd_class_loss::focal}) {
        fovea::ssd_loss_settings settings;
        settings.class_loss = kind;
        settings.box_loss = fovea::ssd_box_loss::ciou;
        fovea::ssd_loss loss(c.anchors, c.classes, settings);
        loss(logits, offsets, targets, cls_gradient, box_gradient, ex);
        const fovea::span<const float> half_logits{logits.data(), logits.size() / 2},
            half_offsets{offsets.data(), offsets.size() / 2};
        const fovea::span<const fovea::ground_truth> half_targets{targets.data(), 2};
        const std::size_t before = allocations;
        const double whole = loss(logits, offsets, targets, cls_gradient, box_gradient, ex).total();
        const double half = loss(half_logits, half_offsets, half_targets, {}, {}, ex).total();
        const std::size_t after = allocations;
        CHECK(after == before);
        CHECK((whole > 0 && half > 0));
    }
    CHECK(allocations > 0);
}

TEST_CASE("EfficientDet's loss allocates nothing after the first batch, of any loss and of smaller batches") {
    const fovea::test::ssd_case c(300, 8, {4, 0, 20, 3});
    const std::vector<float> logits = fovea::test::to_float(fovea::test::normal_numbers(4 * 300 * 7, 3)),
                             deltas = fovea::test::to_float(c.offsets);
    const std::vector<fovea::ground_truth> targets = c.targets();
    std::vector<float> cls_gradient(logits.size()), box_gradient(deltas.size());
    fovea::thread_executor ex(2);
    for (const fovea::efficientdet_loss_settings& settings :
         {fovea::efficientdet_loss_settings::zylo117(), fovea::efficientdet_loss_settings::effdet()}) {
        fovea::efficientdet_loss loss(c.anchors, 7, settings);
        loss(logits, deltas, targets, cls_gradient, box_gradient, ex);
        const fovea::span<const float> half_logits{logits.data(), logits.size() / 2},
            half_deltas{deltas.data(), deltas.size() / 2};
        const fovea::span<const fovea::ground_truth> half_targets{targets.data(), 2};
        const std::size_t before = allocations;
        const double whole = loss(logits, deltas, targets, cls_gradient, box_gradient, ex).total();
        const double half = loss(half_logits, half_deltas, half_targets, {}, {}, ex).total();
        const std::size_t after = allocations;
        CHECK(after == before);
        CHECK((whole > 0 && half > 0));
    }
}
