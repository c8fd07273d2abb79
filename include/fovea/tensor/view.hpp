// Non-owning views of numbers in memory: what kernels, decoders and loaders pass to each other.
#pragma once

#include <array>
#include <cstddef>
#include <type_traits>
#include <utility>

namespace fovea {

// A contiguous run of T (std::span for C++17). Never owns.
template <class T>
class span {
public:
    using value_type = std::remove_cv_t<T>;

    constexpr span() noexcept = default;
    constexpr span(T* data, std::size_t size) noexcept : data_(data), size_(size) {}
    template <std::size_t N>
    constexpr span(T (&array)[N]) noexcept : data_(array), size_(N) {}
    // From anything with data() and size() whose elements are T (std::vector, std::array, another span).
    template <class Range, class = std::enable_if_t<std::is_convertible_v<
                               std::remove_pointer_t<decltype(std::declval<Range&>().data())> (*)[], T (*)[]>>>
    constexpr span(Range& range) noexcept : data_(range.data()), size_(range.size()) {}
    template <class Range,
              class = std::enable_if_t<std::is_convertible_v<
                  std::remove_pointer_t<decltype(std::declval<const Range&>().data())> (*)[], T (*)[]>>,
              class = void>
    constexpr span(const Range& range) noexcept : data_(range.data()), size_(range.size()) {}

    constexpr T* data() const noexcept { return data_; }
    constexpr std::size_t size() const noexcept { return size_; }
    constexpr bool empty() const noexcept { return size_ == 0; }
    constexpr T* begin() const noexcept { return data_; }
    constexpr T* end() const noexcept { return data_ + size_; }
    constexpr T& operator[](std::size_t i) const noexcept { return data_[i]; }
    constexpr span subspan(std::size_t offset, std::size_t count) const noexcept {
        return {data_ + offset, count};
    }

private:
    T* data_ = nullptr;
    std::size_t size_ = 0;
};

// A dense row-major array of a fixed rank, e.g. view<const float, 4> for an NCHW batch.
template <class T, std::size_t Rank>
class view {
public:
    using value_type = std::remove_cv_t<T>;
    static constexpr std::size_t rank = Rank;

    constexpr view() noexcept = default;
    constexpr view(T* data, std::array<std::size_t, Rank> shape) noexcept : data_(data), shape_(shape) {}
    template <class U, class = std::enable_if_t<std::is_convertible_v<U (*)[], T (*)[]>>>
    constexpr view(view<U, Rank> other) noexcept : data_(other.data()), shape_(other.shape()) {}

    constexpr T* data() const noexcept { return data_; }
    constexpr const std::array<std::size_t, Rank>& shape() const noexcept { return shape_; }
    constexpr std::size_t extent(std::size_t axis) const noexcept { return shape_[axis]; }
    constexpr std::size_t size() const noexcept {
        std::size_t n = 1;
        for (std::size_t extent : shape_)
            n *= extent;
        return n;
    }
    constexpr span<T> flat() const noexcept { return {data_, size()}; }

    // Element at a full index, e.g. v(n, c, y, x). Unchecked.
    template <class... Index>
    constexpr T& operator()(Index... index) const noexcept {
        static_assert(sizeof...(Index) == Rank, "one index per axis");
        std::size_t offset = 0, axis = 0;
        ((offset = offset * shape_[axis++] + static_cast<std::size_t>(index)), ...);
        return data_[offset];
    }

private:
    T* data_ = nullptr;
    std::array<std::size_t, Rank> shape_{};
};

} // namespace fovea
