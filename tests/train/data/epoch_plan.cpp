#include <fovea/train/data/epoch_plan.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <set>
#include <vector>

using namespace fovea;

namespace {

std::vector<image_size> squares(std::size_t count) {
    return std::vector<image_size>(count, {10, 10});
}

std::vector<std::size_t> flat(const batch_plan& plan) {
    std::vector<std::size_t> all;
    for (const auto& batch : plan)
        all.insert(all.end(), batch.begin(), batch.end());
    return all;
}

} // namespace

TEST_CASE("an epoch has every sample once, in an order of (seed, epoch)") {
    const auto photos = squares(23);
    const batch_settings settings{4};
    const batch_plan plan = plan_epoch(photos, settings, 9, 2);
    CHECK(plan.size() == 6);
    CHECK(batches_per_epoch(23, settings) == 6);
    CHECK(plan.back().size() == 3);
    auto all = flat(plan);
    CHECK(all == flat(plan_epoch(photos, settings, 9, 2)));
    CHECK(all != flat(plan_epoch(photos, settings, 9, 3)));
    CHECK(all != flat(plan_epoch(photos, settings, 8, 2)));
    std::sort(all.begin(), all.end());
    for (std::size_t i = 0; i < 23; ++i)
        CHECK(all[i] == i);
}

TEST_CASE("epochs without shuffling, and without the last small batch") {
    CHECK(plan_epoch(squares(5), {2, false, false}, 1, 7) == batch_plan{{0, 1}, {2, 3}, {4}});
    CHECK(plan_epoch(squares(5), {2, false, true}, 1, 7) == batch_plan{{0, 1}, {2, 3}});
    CHECK(batches_per_epoch(5, {2, false, true}) == 2);
    CHECK(batches_per_epoch(3, {16}) == 1);
}

TEST_CASE("too few samples are an error") {
    CHECK_THROWS_AS(batches_per_epoch(5, {0}), input_error);
    CHECK_THROWS_AS(batches_per_epoch(0, {4}), input_error);
    CHECK_THROWS_AS(batches_per_epoch(3, {4, true, true}), input_error);
    CHECK_THROWS_AS(plan_epoch({}, {4}, 0, 0), input_error);
}

TEST_CASE("groups by aspect as torchvision's _quantize has them") {
    // bins of k = 3: 2 ** (-1, -2/3, -1/3, 0, 1/3, 2/3, 1), bisect_right
    CHECK(detail::aspect_group({100, 49}, 3) == 0);
    CHECK(detail::aspect_group({100, 50}, 3) == 1);
    CHECK(detail::aspect_group({100, 63}, 3) == 2);
    CHECK(detail::aspect_group({100, 99}, 3) == 3);
    CHECK(detail::aspect_group({100, 100}, 3) == 4);
    CHECK(detail::aspect_group({100, 200}, 3) == 7);
    CHECK(detail::aspect_group({100, 99}, 0) == 0);
    CHECK(detail::aspect_group({100, 100}, 0) == 1);
}

// By hand, after torchvision's GroupedBatchSampler (references/detection/group_by_aspect_ratio.py).
TEST_CASE("batches of one group each, filled up from the largest rests") {
    const std::vector<image_size> photos{{20, 10}, {10, 20}, {20, 10}, {20, 10}, {10, 20},
                                         {20, 10}, {20, 10}, {10, 20}, {20, 10}, {10, 20}};
    batch_settings settings{4, false, false, 0};
    // low 0 2 3 5 | 6 8, tall 1 4 7 9: ten samples make two batches
    CHECK(plan_epoch(photos, settings, 0, 0) == batch_plan{{0, 2, 3, 5}, {1, 4, 7, 9}});
    settings.batch = 3;
    CHECK(plan_epoch(photos, settings, 0, 0) == batch_plan{{0, 2, 3}, {1, 4, 7}, {5, 6, 8}});
    settings.batch = 5;
    CHECK(plan_epoch(photos, settings, 0, 0) == batch_plan{{0, 2, 3, 5, 6}, {1, 4, 7, 9, 1}});
}

TEST_CASE("groups: shuffled batches are of one group and of full size") {
    std::vector<image_size> photos;
    for (std::size_t i = 0; i < 61; ++i)
        photos.push_back({i % 3 == 0 ? 30U : 10U, 20});
    const batch_settings settings{8, true, false, 3};
    for (std::size_t epoch = 0; epoch < 20; ++epoch) {
        const batch_plan plan = plan_epoch(photos, settings, 5, epoch);
        REQUIRE(plan.size() == batches_per_epoch(61, settings));
        for (const auto& batch : plan) {
            REQUIRE(batch.size() == 8);
            REQUIRE(std::all_of(batch.begin(), batch.end(),
                                [&](std::size_t i) { return photos[i] == photos[batch[0]]; }));
        }
    }
}

TEST_CASE("each image of each epoch has a stream of its own") {
    std::set<std::uint64_t> first;
    for (std::size_t epoch = 0; epoch < 50; ++epoch)
        for (std::size_t index = 0; index < 50; ++index)
            first.insert(image_stream(3, epoch, index).next_u64());
    CHECK(first.size() == 2500);
    CHECK(image_stream(3, 1, 2).next_u64() == image_stream(3, 1, 2).next_u64());
    CHECK(image_stream(4, 1, 2).next_u64() != image_stream(3, 1, 2).next_u64());
}
