// Which samples each batch of an epoch has: shuffled from (seed, epoch) alone, so that a run can go on from
// any batch.
#pragma once

#include <fovea/error.hpp>
#include <fovea/preprocess/image.hpp>
#include <fovea/tensor/view.hpp>
#include <fovea/train/random.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

namespace fovea {

struct batch_settings {
    std::size_t batch = 16;
    bool shuffle = true;
    bool drop_last = false; // the last batch of an epoch when it is smaller
    int aspect_groups = -1; // torchvision's --aspect-ratio-group-factor; negative: no groups
};

// Where a run stands: the next batch.
struct loader_position {
    std::size_t epoch = 0, batch = 0;

    friend constexpr bool operator==(loader_position a, loader_position b) noexcept {
        return a.epoch == b.epoch && a.batch == b.batch;
    }
    friend constexpr bool operator!=(loader_position a, loader_position b) noexcept { return !(a == b); }
};

using batch_plan = std::vector<std::vector<std::size_t>>; // numbers of samples, a vector a batch

namespace detail {

// Streams of one seed: the epoch's order here, each image's augmentation in image_stream().
inline constexpr std::uint64_t order_stream = std::uint64_t{1} << 63U;

// Groups by height / width between powers of 2 (torchvision's references/detection/group_by_aspect_ratio.py):
// 2k + 1 bounds from 1/2 to 2, for k = 0 the bound 1.
inline std::size_t aspect_group(image_size photo, int k) {
    const double aspect = static_cast<double>(photo.height) / static_cast<double>(photo.width);
    std::size_t group = 0;
    for (int i = -k; i <= k; ++i)
        group += aspect >= (k == 0 ? 1.0 : std::exp2(static_cast<double>(i) / k));
    return group;
}

// torchvision's GroupedBatchSampler: full batches of one group each, as many as samples / batch; the last
// ones are the largest rests, filled up with the first samples of their group.
inline batch_plan grouped_batches(span<const std::size_t> order, span<const std::size_t> groups,
                                  std::size_t batch) {
    batch_plan plan;
    std::map<std::size_t, std::vector<std::size_t>> rests, members;
    for (const std::size_t sample : order) {
        std::vector<std::size_t>& rest = rests[groups[sample]];
        rest.push_back(sample);
        members[groups[sample]].push_back(sample);
        if (rest.size() == batch)
            plan.push_back(std::exchange(rest, {}));
    }
    std::vector<std::pair<std::size_t, std::vector<std::size_t>>> sorted(rests.begin(), rests.end());
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const auto& a, const auto& b) { return a.second.size() > b.second.size(); });
    for (auto& [group, rest] : sorted) {
        if (plan.size() >= order.size() / batch)
            break;
        for (std::size_t i = 0; rest.size() < batch; ++i)
            rest.push_back(members[group][i % members[group].size()]);
        plan.push_back(std::move(rest));
    }
    return plan;
}

} // namespace detail

// The stream that augments image `index`, counted over the batches of its epoch.
constexpr random_stream image_stream(std::uint64_t seed, std::size_t epoch, std::size_t index) noexcept {
    return random_stream(seed,
                         (static_cast<std::uint64_t>(epoch) << 32U) + static_cast<std::uint64_t>(index));
}

// How many batches an epoch has: the same for every epoch. Throws input_error when there is none.
inline std::size_t batches_per_epoch(std::size_t samples, const batch_settings& settings) {
    if (settings.batch == 0)
        throw input_error("batch: expected at least 1 image");
    const bool whole_only = settings.drop_last || settings.aspect_groups >= 0;
    const std::size_t batches =
        samples / settings.batch + (!whole_only && samples % settings.batch != 0 ? 1 : 0);
    if (batches == 0)
        throw input_error("batch: expected at least " + std::to_string(whole_only ? settings.batch : 1) +
                          " samples, got " + std::to_string(samples));
    return batches;
}

// The batches of an epoch over samples of these photo sizes.
inline batch_plan plan_epoch(span<const image_size> photos, const batch_settings& settings,
                             std::uint64_t seed, std::size_t epoch) {
    const std::size_t batches = batches_per_epoch(photos.size(), settings);
    std::vector<std::size_t> order(photos.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    if (settings.shuffle) {
        random_stream random(seed, detail::order_stream + static_cast<std::uint64_t>(epoch));
        shuffle(span<std::size_t>(order), random);
    }
    if (settings.aspect_groups >= 0) {
        std::vector<std::size_t> groups;
        for (const image_size photo : photos)
            groups.push_back(detail::aspect_group(photo, settings.aspect_groups));
        return detail::grouped_batches(order, groups, settings.batch);
    }
    batch_plan plan(batches);
    for (std::size_t i = 0; i < order.size() && i / settings.batch < batches; ++i)
        plan[i / settings.batch].push_back(order[i]);
    return plan;
}

} // namespace fovea
