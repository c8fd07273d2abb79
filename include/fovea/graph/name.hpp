// Module names ("backbone.features.0.13.0"), kept as a tree of parts so that a thousand names cost little to
// compile.
#pragma once

#include <fovea/tensor/view.hpp>

#include <string>
#include <string_view>

namespace fovea {

// One component of a module name: a label or, when the label is empty, a number. Part 0 is the root, the
// empty name.
struct name_part {
    int parent = 0;
    std::string_view label{};
    int number = 0;
};

// A name short enough to be a constant expression, for static_asserts on names. Longer names are cut.
class fixed_name {
public:
    constexpr void prepend(char c) noexcept {
        if (begin_ > 0)
            text_[--begin_] = c;
    }
    constexpr std::string_view view() const noexcept { return {text_ + begin_, capacity - begin_}; }
    std::string str() const { return std::string(view()); }

private:
    static constexpr std::size_t capacity = 120;
    char text_[capacity] = {};
    std::size_t begin_ = capacity;
};

namespace detail {

constexpr void prepend(fixed_name& name, const name_part& part) noexcept {
    if (!part.label.empty()) {
        for (std::size_t i = part.label.size(); i-- > 0;)
            name.prepend(part.label[i]);
        return;
    }
    int rest = part.number;
    do {
        name.prepend(static_cast<char>('0' + rest % 10));
        rest /= 10;
    } while (rest > 0);
}

} // namespace detail

// The dotted name of part `id`, followed by `suffix` when there is one ("weight", "running_mean").
constexpr fixed_name full_name(span<const name_part> names, int id, std::string_view suffix = {}) noexcept {
    fixed_name name;
    detail::prepend(name, name_part{0, suffix, 0});
    if (suffix.empty())
        name = fixed_name{};
    bool first = suffix.empty();
    for (; id != 0; id = names[static_cast<std::size_t>(id)].parent) {
        if (!first)
            name.prepend('.');
        first = false;
        detail::prepend(name, names[static_cast<std::size_t>(id)]);
    }
    return name;
}

} // namespace fovea
