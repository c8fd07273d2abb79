// No memory is allocated in a forward pass, nor in detection once a photo of the size has been seen.
#include "support.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

// glibc's own allocator under the hooks below.
extern "C" {
void* __libc_malloc(std::size_t);                // NOLINT(bugprone-reserved-identifier)
void* __libc_calloc(std::size_t, std::size_t);   // NOLINT(bugprone-reserved-identifier)
void* __libc_realloc(void*, std::size_t);        // NOLINT(bugprone-reserved-identifier)
void* __libc_memalign(std::size_t, std::size_t); // NOLINT(bugprone-reserved-identifier)
}

namespace {
std::atomic<int> allocations{0};
}

// The sanitizers have hooks of their own: counting is for other builds.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FOVEA_COUNTS_ALLOCATIONS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define FOVEA_COUNTS_ALLOCATIONS 0
#endif
#endif
#ifndef FOVEA_COUNTS_ALLOCATIONS
#define FOVEA_COUNTS_ALLOCATIONS 1

// operator new of libstdc++ comes down to these, too.
extern "C" void* malloc(std::size_t size) {
    ++allocations;
    return __libc_malloc(size);
}
extern "C" void* calloc(std::size_t count, std::size_t size) {
    ++allocations;
    return __libc_calloc(count, size);
}
extern "C" void* realloc(void* memory, std::size_t size) {
    ++allocations;
    return __libc_realloc(memory, size);
}
extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) {
    ++allocations;
    return __libc_memalign(alignment, size);
}
#endif

using namespace fovea;
using namespace fovea::test;

namespace {

template <class Function>
int allocations_of(Function f) {
    const int before = allocations;
    f();
    return allocations - before;
}

} // namespace

TEST_CASE("a forward pass allocates nothing, on one thread and on several") {
    const auto golden = own_golden("models", "ssdlite320_scene");
    using net_type = ssdlite320_mobilenet_v3_large<>;
    network net(net_type::program(), weights_of(golden, net_type::graph));
    const std::vector<float> image(net.input_shape().size(), 0.5F);
    thread_executor threads(2);
#if FOVEA_COUNTS_ALLOCATIONS
    CHECK(allocations_of([] { aligned_floats some(3); }) == 1);
    CHECK(allocations_of([] {
              std::vector<int> some(3);
              const int* volatile seen = some.data(); // or else a compiler may leave the allocation out
              static_cast<void>(seen);
          }) == 1);
#endif
    CHECK(allocations_of([&] { net.forward(image.data()); }) == 0);
    net.run_on(threads);
    CHECK(allocations_of([&] { net.forward(image.data()); }) == 0);
    CHECK(allocations_of([&] { net.forward(image.data()); }) == 0);
}

TEST_CASE("detection allocates nothing once it has seen a photo of the size") {
    const auto golden = own_golden("models", "ssdlite320_scene");
    auto model =
        load<ssdlite320_mobilenet_v3_large<>>(weights_of(golden, ssdlite320_mobilenet_v3_large<>::graph));
    const std::vector<std::uint8_t> first = scene("first", 120, 160), second = scene("second", 120, 160);
    const std::size_t found = model.detect({first.data(), 160, 120}).size();
    CHECK(found > 0);
    CHECK(allocations_of([&] { model.detect({first.data(), 160, 120}); }) == 0);
    CHECK(allocations_of([&] { model.detect({second.data(), 160, 120}); }) == 0);
}

TEST_CASE("EfficientDet's detection allocates nothing, whatever its rules") {
    for (const auto& whole : {tables::efficientdet_d0, tables::tf_efficientdet_d0}) {
        const auto table = whole.with_channels(24).with_cells(1).with_head_layers(1).with_input(128, 128);
        const runtime_program program(table);
        auto model = make_detector(program.view(), table,
                                   weights_of(own_golden("models", "efficientdet_d0_128"), program.graph()), {});
        model.set_score_threshold(0.3F);
        const std::vector<std::uint8_t> first = scene("first", 120, 160), second = scene("second", 120, 160);
        CHECK(model.detect({first.data(), 160, 120}).size() > 0);
        CHECK(allocations_of([&] { model.detect({second.data(), 160, 120}); }) == 0);
    }
}

TEST_CASE("a classifier's forward pass allocates nothing once it has seen a photo of the size") {
    const auto golden = own_golden("models", "mobilenet_v3_small_96");
    auto model = load<mobilenet_v3_small<>>(weights_of(golden, mobilenet_v3_small<>::graph));
    const std::vector<std::uint8_t> photo = scene("photo", 120, 160);
    model.forward({photo.data(), 160, 120});
    CHECK(allocations_of([&] { model.forward({photo.data(), 160, 120}); }) == 0);
}
