// Where the rows of a register tile lie: how it walks through its input.
#pragma once

#include <fovea/kernels/simd/vector.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

// Rows of a matrix one stride apart: the pixels of a pointwise convolution, or the windows of a first
// convolution with a tap for each row of the window. One pointer for three rows keeps a tile of twelve within
// x86's registers: an address there is a pointer plus one or two strides.
struct strided_rows {
    const float* first;
    std::ptrdiff_t stride;
    // Several taps, in place of `first`: each begins `offset` floats into its row.
    const float* const* tap_rows = nullptr;
    int tap_count = 1;
    std::ptrdiff_t offset = 0;
    const float* next = nullptr; // where the tile after this one begins to read

    int taps() const noexcept { return tap_count; }
    FOVEA_INLINE void followed_by(const strided_rows& rows) noexcept {
        next = rows.tap_rows == nullptr ? rows.first : rows.tap_rows[0] + rows.offset;
    }

    template <int Rows>
    class cursor {
    public:
        FOVEA_INLINE cursor(const strided_rows& rows, int tap) noexcept
            : stride_(rows.stride), next_(rows.next) {
            const float* row = rows.tap_rows == nullptr ? rows.first : rows.tap_rows[tap] + rows.offset;
            FOVEA_UNROLL
            for (int i = 0; i < pointers; ++i)
                pointer_[i] = row + 3 * i * stride_;
        }
        FOVEA_INLINE float operator()(int r) const noexcept { return pointer_[r / 3][r % 3 * stride_]; }
        FOVEA_INLINE void advance() noexcept {
            FOVEA_UNROLL
            for (int i = 0; i < pointers; ++i)
                ++pointer_[i];
        }
        // Fetches a part of the next tile's rows: all of them in as many calls as dense rows have columns.
        FOVEA_INLINE void fetch_next() noexcept {
            __builtin_prefetch(next_);
            next_ += Rows;
        }

    private:
        static constexpr int pointers = (Rows + 2) / 3;
        std::ptrdiff_t stride_;
        const float* next_;
        array_of<const float*, pointers> pointer_;
    };
};

// Rows anywhere in memory: the pixels under each tap of a window, [taps][capacity] pointers.
struct gathered_rows {
    const float* const* pointers;
    int tap_count;
    int capacity;

    int taps() const noexcept { return tap_count; }
    FOVEA_INLINE void followed_by(const gathered_rows&) noexcept {} // windows overlap: most is near already

    template <int Rows>
    class cursor {
    public:
        FOVEA_INLINE cursor(const gathered_rows& rows, int tap) noexcept {
            FOVEA_UNROLL
            for (int r = 0; r < Rows; ++r)
                pointer_[r] = rows.pointers[tap * rows.capacity + r];
        }
        FOVEA_INLINE float operator()(int r) const noexcept { return pointer_[r][k_]; }
        FOVEA_INLINE void advance() noexcept { ++k_; }
        FOVEA_INLINE void fetch_next() noexcept {}

    private:
        std::ptrdiff_t k_ = 0;
        array_of<const float*, Rows> pointer_;
    };
};

FOVEA_ARCH_NAMESPACE_END
