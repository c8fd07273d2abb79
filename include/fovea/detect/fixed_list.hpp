// A short list inside constexpr tables: a std::array with a count, written with braces.
#pragma once

#include <fovea/error.hpp>

#include <array>
#include <cstddef>
#include <initializer_list>

namespace fovea {

// Up to Capacity values. A longer list throws input_error, which in a constexpr table is a compile error.
template <class T, std::size_t Capacity>
class fixed_list {
public:
    constexpr fixed_list() noexcept = default;
    constexpr fixed_list(std::initializer_list<T> values) {
        for (const T& value : values)
            push_back(value);
    }

    constexpr void push_back(const T& value) {
        if (size_ == Capacity)
            throw input_error("fixed_list: more values than its capacity");
        values_[size_++] = value;
    }

    constexpr std::size_t size() const noexcept { return size_; }
    constexpr bool empty() const noexcept { return size_ == 0; }
    constexpr const T& operator[](std::size_t i) const noexcept { return values_[i]; }
    constexpr const T* begin() const noexcept { return values_.data(); }
    constexpr const T* end() const noexcept { return values_.data() + size_; }
    constexpr const T& back() const noexcept { return values_[size_ - 1]; }

private:
    std::array<T, Capacity> values_{};
    std::size_t size_ = 0;
};

} // namespace fovea
