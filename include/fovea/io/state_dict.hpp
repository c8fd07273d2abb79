// The parameters of a network by name, as weight files hold them: what every reader returns and every writer
// takes.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fovea/error.hpp"
#include "fovea/io/dtype.hpp"
#include "fovea/io/shape.hpp"

namespace fovea {

// One entry of a state_dict. Values are row-major floats, whatever the file held; `type` is what it held, so
// that an int64 counter (num_batches_tracked) or a dequantised qint8 weight can be told from a float32 one.
// Integers beyond 2^24 are rounded to the nearest float.
struct tensor {
    std::string name;
    dtype type = dtype::float32;
    std::vector<std::size_t> shape; // empty: a scalar, one value
    std::vector<float> values;
};

// Tensors in the order of their file, at most one for a name.
class state_dict {
public:
    using const_iterator = std::vector<tensor>::const_iterator;

    // Appends an entry. Throws format_error when its name is taken, input_error when shape and values
    // disagree.
    void insert(tensor entry) {
        if (detail::element_count(entry.shape) != entry.values.size())
            throw input_error("tensor '" + entry.name + "' of shape " + detail::shape_text(entry.shape) +
                              " has " + std::to_string(entry.values.size()) + " values");
        if (!index_.emplace(entry.name, entries_.size()).second)
            throw format_error("the key '" + entry.name + "' occurs twice");
        entries_.push_back(std::move(entry));
    }

    // The entry of that name, or nullptr.
    const tensor* find(std::string_view name) const noexcept {
        const auto found = index_.find(name);
        return found == index_.end() ? nullptr : &entries_[found->second];
    }

    // The entry of that name; throws weights_error when there is none.
    const tensor& at(std::string_view name) const {
        if (const tensor* entry = find(name))
            return *entry;
        throw weights_error("no entry named '" + std::string(name) + "' among " + std::to_string(size()));
    }

    bool contains(std::string_view name) const noexcept { return find(name) != nullptr; }
    std::size_t size() const noexcept { return entries_.size(); }
    bool empty() const noexcept { return entries_.empty(); }
    const_iterator begin() const noexcept { return entries_.begin(); }
    const_iterator end() const noexcept { return entries_.end(); }

    // Moves the entries out, e.g. to rename them, and leaves the state_dict empty.
    std::vector<tensor> release() noexcept {
        index_.clear();
        return std::exchange(entries_, {});
    }

private:
    std::vector<tensor> entries_;
    std::map<std::string, std::size_t, std::less<>> index_;
};

namespace detail {

inline bool has_prefix(std::string_view text, std::string_view prefix) noexcept {
    return text.substr(0, prefix.size()) == prefix;
}

} // namespace detail

// The entries whose names begin with `prefix`, without it. The others are dropped.
inline state_dict without_prefix(state_dict source, std::string_view prefix) {
    state_dict kept;
    for (tensor& entry : source.release()) {
        if (!detail::has_prefix(entry.name, prefix))
            continue;
        entry.name.erase(0, prefix.size());
        kept.insert(std::move(entry));
    }
    return kept;
}

// Cuts off the prefixes that training wrappers add: "module." (DataParallel, averaged models) and "model.",
// each one only when all names carry it. n_averaged, the counter of torch's AveragedModel, carries none and
// is dropped then.
inline state_dict without_wrapper_prefixes(state_dict source) {
    for (std::string_view prefix : {"module.", "model."}) {
        std::size_t carrying = 0;
        for (const tensor& entry : source)
            carrying += detail::has_prefix(entry.name, prefix) ? 1u : 0u;
        if (carrying > 0 && carrying + (source.contains("n_averaged") ? 1 : 0) == source.size())
            source = without_prefix(std::move(source), prefix);
    }
    return source;
}

} // namespace fovea
