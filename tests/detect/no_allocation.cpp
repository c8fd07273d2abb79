#include <fovea/detect/efficientdet_decoder.hpp>
#include <fovea/detect/nms.hpp>
#include <fovea/detect/ssd_decoder.hpp>

#include <catch2/catch.hpp>

#include <atomic>
#include <cstdlib>
#include <new>
#include <vector>

namespace {

std::atomic<std::size_t> allocations{0};

} // namespace

// Every allocation of this test program is counted. The forms without exceptions too: the sanitizers have
// their own, which do not go with the others' delete.
void* operator new(std::size_t size) {
    ++allocations;
    if (void* memory = std::malloc(size == 0 ? 1 : size))
        return memory;
    throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    ++allocations;
    return std::malloc(size == 0 ? 1 : size);
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}

TEST_CASE("Decoding and NMS allocate nothing after construction") {
    constexpr std::size_t anchors = 2000, classes = 21;
    std::vector<float> logits(anchors * classes), offsets(anchors * 4);
    std::vector<fovea::box> boxes;
    std::vector<int> labels;
    for (std::size_t i = 0; i < anchors; ++i) {
        const auto at = static_cast<float>(i % 257);
        boxes.push_back({at, at, at + 40, at + 30});
        labels.push_back(static_cast<int>(i % 5));
        for (std::size_t c = 0; c < classes; ++c)
            logits[i * classes + c] = static_cast<float>((i * 31 + c * 17) % 101) / 20;
    }
    const std::vector<float> scores(logits.begin(), logits.begin() + anchors);
    fovea::ssd_decoder decoder(boxes, classes);
    fovea::nms_workspace workspace(anchors);
    const std::size_t before = allocations;
    const std::size_t found = decoder.decode(logits, offsets, {320, 320}).size();
    const std::size_t kept = fovea::nms(boxes, scores, 0.5, workspace).size();
    const std::size_t kept_by_label = fovea::batched_nms(boxes, scores, labels, 0.5, workspace).size();
    const std::size_t after = allocations;
    CHECK(after == before);
    CHECK((found > 0 && kept > 0 && kept_by_label > kept));
}

TEST_CASE("Decoding EfficientDet's outputs allocates nothing after construction") {
    using settings = fovea::efficientdet_decoder_settings;
    constexpr std::size_t classes = 7;
    const fovea::efficientdet_anchors anchors({}, {128, 128});
    std::vector<float> logits(anchors.size() * classes), deltas(anchors.size() * 4);
    for (std::size_t i = 0; i < logits.size(); ++i)
        logits[i] = static_cast<float>((i * 31) % 101) / 20 - 3;
    for (const settings& s :
         {settings::zylo117(), settings::effdet(), settings::effdet(true), settings::official()}) {
        fovea::efficientdet_decoder decoder(anchors, classes, s);
        const std::size_t before = allocations;
        const std::size_t found = decoder.decode(logits, deltas, fovea::spatial_size{128, 128}).size();
        const std::size_t after = allocations;
        CHECK(after == before);
        CHECK(found > 50);
    }
}
