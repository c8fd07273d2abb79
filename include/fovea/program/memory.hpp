// Memory of a network: floats that begin at a cache line.
#pragma once

#include <cstddef>
#include <new>
#include <utility>

namespace fovea {

// A zeroed block of floats aligned to 64 bytes. Movable, not copyable.
class aligned_floats {
public:
    aligned_floats() noexcept = default;
    explicit aligned_floats(std::size_t size) { resize(size); }
    aligned_floats(aligned_floats&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    aligned_floats& operator=(aligned_floats&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~aligned_floats() { ::operator delete[](data_, alignment); }

    // `size` zeros; what was there is lost. Throws std::bad_alloc.
    void resize(std::size_t size) {
        float* data = new (alignment) float[size]();
        ::operator delete[](data_, alignment);
        data_ = data;
        size_ = size;
    }

    float* data() noexcept { return data_; }
    const float* data() const noexcept { return data_; }
    std::size_t size() const noexcept { return size_; }

private:
    static constexpr std::align_val_t alignment{64};

    float* data_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace fovea
