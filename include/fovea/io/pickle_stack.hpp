// The unpickler's stack, with its marks, and its memo: every access is checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "fovea/io/byte_cursor.hpp"
#include "fovea/io/pickle_value.hpp"

namespace fovea::detail {

class pickle_stack {
public:
    using values = std::vector<pickle_value>;

    // The cursor is asked for the place in the file, and to fail.
    explicit pickle_stack(const byte_cursor& cursor) : cursor_(cursor) {}

    void push(const pickle_value& value) { stack_.push_back(value); }

    // Values below the last mark are out of reach.
    pickle_value pop() {
        if (stack_.size() <= (marks_.empty() ? 0 : marks_.back()))
            cursor_.fail("the pickle takes a value from an empty stack");
        const pickle_value value = stack_.back();
        stack_.pop_back();
        return value;
    }

    // The last `count` values, the oldest first.
    values pop(std::size_t count) {
        values popped(count);
        for (std::size_t i = count; i-- > 0;)
            popped[i] = pop();
        return popped;
    }

    void mark() { marks_.push_back(stack_.size()); }

    // All values above the last mark, which goes too.
    values pop_mark() {
        if (marks_.empty())
            cursor_.fail("the pickle misses a mark");
        const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
        values popped(first, stack_.end());
        stack_.erase(first, stack_.end());
        marks_.pop_back();
        return popped;
    }

    // Memo numbers count up from 0 or 1, and each takes a byte or more of pickle: larger ones are nonsense.
    void put(std::uint64_t index) {
        if (index > cursor_.position())
            cursor_.fail("the pickle skips memo numbers up to " + std::to_string(index));
        if (index >= memo_.size())
            memo_.resize(index + 1);
        const pickle_value value = pop();
        push(value);
        memo_[index] = value;
        ++puts_;
    }

    // Protocol 4 numbers by the puts so far.
    void memoize() { put(puts_); }

    void get(std::uint64_t index) {
        if (index >= memo_.size())
            cursor_.fail("the pickle reads memo number " + std::to_string(index) + " before writing it");
        push(memo_[index]);
    }

private:
    const byte_cursor& cursor_;
    values stack_;
    std::vector<std::size_t> marks_;
    values memo_;
    std::uint64_t puts_ = 0;
};

} // namespace fovea::detail
