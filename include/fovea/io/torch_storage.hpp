// How a checkpoint's pickle refers to the bytes of its tensors, which lie outside of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <variant>

#include "fovea/io/byte_cursor.hpp"
#include "fovea/io/pickle_value.hpp"
#include "fovea/io/torch_names.hpp"

namespace fovea::detail {

// The bytes of each storage, by the key that the pickle calls it.
using storage_table = std::unordered_map<std::string_view, byte_span>;

// How the pickle refers to a storage: ('storage', class, key, location, elements[, view]), where a view
// (legacy files only) is None or (key, offset, elements).
struct storage_id {
    std::string_view key;
    dtype type = dtype::float32;
    std::size_t elements = 0;
    std::size_t offset = 0, visible = 0; // the view, in elements
};

// Nothing when the value is no storage of a type that fovea reads.
inline std::optional<storage_id> read_storage_id(const pickle& source, const pickle_value& value) {
    const pickle_object* persistent = source.object(value, pickle_kind::persistent);
    const pickle_object* id = persistent ? source.object(persistent->arguments, pickle_kind::tuple) : nullptr;
    if (!id || id->items.size() < 5)
        return std::nullopt;
    const auto* tag = std::get_if<std::string_view>(&id->items[0]);
    const pickle_object* type = source.object(id->items[1], pickle_kind::global);
    const auto* key = std::get_if<std::string_view>(&id->items[2]);
    const auto* elements = std::get_if<std::int64_t>(&id->items[4]);
    if (!tag || *tag != "storage" || !type || !key || !elements || *elements < 0)
        return std::nullopt;
    const auto stored = storage_class(type->module, type->name);
    if (!stored)
        return std::nullopt;
    const auto count = static_cast<std::size_t>(*elements);
    storage_id found{*key, *stored, count, 0, count};
    const pickle_object* view =
        id->items.size() > 5 ? source.object(id->items[5], pickle_kind::tuple) : nullptr;
    if (view) {
        const auto* offset = view->items.size() == 3 ? std::get_if<std::int64_t>(&view->items[1]) : nullptr;
        const auto* visible = view->items.size() == 3 ? std::get_if<std::int64_t>(&view->items[2]) : nullptr;
        if (!offset || !visible || *offset < 0 || *visible < 0 || static_cast<std::size_t>(*offset) > count ||
            static_cast<std::size_t>(*visible) > count - static_cast<std::size_t>(*offset))
            return std::nullopt;
        found.offset = static_cast<std::size_t>(*offset);
        found.visible = static_cast<std::size_t>(*visible);
    }
    return found;
}

} // namespace fovea::detail
