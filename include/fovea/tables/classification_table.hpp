// What every classification table has: multipliers, classes and input size, and the functions that change
// them.
#pragma once

namespace fovea::tables {

// Base of the tables of classification networks. The with_ functions return a changed copy of the whole
// Table.
template <class Table>
struct classification_table {
    double width_mult = 1.0;
    int num_classes = 1000;
    int height = 224, width = 224; // of the network's input, pixels
    int resize = 0; // photos' shorter side before the crop, pixels; 0: 8/7 of the input's longer side
    float dropout = 0.2F;
    bool features_only = false; // outputs the last map and its mean instead of logits

    constexpr Table with_width(double multiplier) const noexcept {
        Table t = self();
        t.width_mult = multiplier;
        return t;
    }
    constexpr Table with_classes(int classes) const noexcept {
        Table t = self();
        t.num_classes = classes;
        return t;
    }
    constexpr Table with_input(int input_height, int input_width) const noexcept {
        Table t = self();
        t.height = input_height;
        t.width = input_width;
        return t;
    }
    constexpr Table with_resize(int shorter_side) const noexcept {
        Table t = self();
        t.resize = shorter_side;
        return t;
    }
    constexpr Table without_classifier() const noexcept {
        Table t = self();
        t.features_only = true;
        return t;
    }

private:
    constexpr const Table& self() const noexcept { return static_cast<const Table&>(*this); }
};

} // namespace fovea::tables
