#include "draw.hpp"

#include <fovea/error.hpp>

#include <cairo/cairo.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>

namespace fovea::cli {

namespace {

struct color {
    double red = 0, green = 0, blue = 0;

    // Relative luminance, roughly (ITU-R BT.601 weights).
    double brightness() const noexcept { return 0.299 * red + 0.587 * green + 0.114 * blue; }
};

// Hues a golden angle apart: neighbouring ids look different however many there are.
color color_of(int class_id) noexcept {
    const double turn = std::fmod(class_id * 0.6180339887498949, 1.0);
    const auto channel = [turn](double shift) {
        const double distance = std::abs(std::fmod(turn + shift, 1.0) * 6 - 3) - 1;
        return 0.1 + 0.85 * std::clamp(distance, 0.0, 1.0);
    };
    return {channel(0), channel(2.0 / 3), channel(1.0 / 3)};
}

// Within low .. high; low when they cross, as on a photo of one pixel.
double within(double value, double low, double high) noexcept {
    return std::max(low, std::min(value, high));
}

std::string percent_text(const std::string& label, float score) {
    return label + " " + std::to_string(std::lround(100 * static_cast<double>(score))) + " %";
}

// A photo under a cairo pen.
class canvas {
public:
    explicit canvas(image_view photo)
        : width_(photo.width), height_(photo.height),
          surface_(cairo_image_surface_create(CAIRO_FORMAT_RGB24, static_cast<int>(photo.width),
                                              static_cast<int>(photo.height)),
                   &cairo_surface_destroy),
          pen_(cairo_create(surface_.get()), &cairo_destroy) {
        if (cairo_status(pen_.get()) != CAIRO_STATUS_SUCCESS)
            throw input_error("a photo of " + std::to_string(width_) + "x" + std::to_string(height_) +
                              " pixels cannot be drawn on");
        for (std::size_t y = 0; y < height_; ++y)
            for (std::size_t x = 0; x < width_; ++x) {
                const std::uint8_t* rgb = photo.row(y) + 3 * x;
                const std::uint32_t pixel =
                    (std::uint32_t{rgb[0]} << 16U) | (std::uint32_t{rgb[1]} << 8U) | std::uint32_t{rgb[2]};
                std::memcpy(row(y) + 4 * x, &pixel, 4);
            }
        cairo_surface_mark_dirty(surface_.get());
        cairo_set_line_join(pen_.get(), CAIRO_LINE_JOIN_ROUND);
        cairo_select_font_face(pen_.get(), "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_BOLD);
        cairo_set_font_size(pen_.get(), letter_height());
        cairo_font_extents(pen_.get(), &font_);
    }

    double width() const noexcept { return static_cast<double>(width_); }
    double height() const noexcept { return static_cast<double>(height_); }
    // Pixels, so that boxes and labels look alike in photos of any size.
    double line_width() const noexcept { return std::max(2.0, longer_side() / 280); }
    double letter_height() const noexcept { return std::max(10.0, longer_side() / 48); }
    double tab_height() const noexcept { return font_.height + 2 * padding(); }
    double text_width(const std::string& text) {
        cairo_text_extents_t extents;
        cairo_text_extents(pen_.get(), text.c_str(), &extents);
        return extents.x_advance + 4 * padding();
    }

    void stroke_box(const box& b, color c) {
        const double inset = line_width() / 2;
        const double x1 = within(b.x1, inset, width() - inset), y1 = within(b.y1, inset, height() - inset);
        const double x2 = within(b.x2, inset, width() - inset), y2 = within(b.y2, inset, height() - inset);
        cairo_rectangle(pen_.get(), x1, y1, x2 - x1, y2 - y1);
        cairo_set_source_rgba(pen_.get(), 0, 0, 0, 0.45); // a dark rim: bright lines on bright photos
        cairo_set_line_width(pen_.get(), line_width() * 2);
        cairo_stroke_preserve(pen_.get());
        set(c);
        cairo_set_line_width(pen_.get(), line_width());
        cairo_stroke(pen_.get());
    }

    // A filled tab with its upper left corner at (x, y).
    void fill_tab(double x, double y, double tab_width, const std::string& text, color c) {
        cairo_rectangle(pen_.get(), x, y, tab_width, tab_height());
        set(c);
        cairo_fill(pen_.get());
        const double ink = c.brightness() > 0.5 ? 0 : 1;
        set({ink, ink, ink});
        cairo_move_to(pen_.get(), x + 2 * padding(), y + padding() + font_.ascent);
        cairo_show_text(pen_.get(), text.c_str());
    }

    image picture() {
        cairo_surface_flush(surface_.get());
        image picture(width_, height_);
        for (std::size_t y = 0; y < height_; ++y)
            for (std::size_t x = 0; x < width_; ++x) {
                std::uint32_t pixel = 0;
                std::memcpy(&pixel, row(y) + 4 * x, 4);
                for (unsigned c = 0; c < 3; ++c)
                    picture.row(y)[3 * x + c] = static_cast<std::uint8_t>(pixel >> (16 - 8 * c));
            }
        return picture;
    }

private:
    double longer_side() const noexcept { return std::max(width(), height()); }
    double padding() const noexcept { return letter_height() / 8; }
    void set(color c) { cairo_set_source_rgb(pen_.get(), c.red, c.green, c.blue); }
    unsigned char* row(std::size_t y) {
        return cairo_image_surface_get_data(surface_.get()) +
               y * static_cast<std::size_t>(cairo_image_surface_get_stride(surface_.get()));
    }

    std::size_t width_, height_;
    std::unique_ptr<cairo_surface_t, decltype(&cairo_surface_destroy)> surface_;
    std::unique_ptr<cairo_t, decltype(&cairo_destroy)> pen_;
    cairo_font_extents_t font_{};
};

// A label's tab, its upper left corner.
struct tab {
    double x = 0, y = 0, width = 0;
    std::string text;
};

// Puts labels where they cover no better one: above their box, inside it at the top or bottom, below it, or a
// line further away. Tabs stay in the photo. When every place is taken a tab goes above its box all the same.
std::vector<tab> place_labels(canvas& c, const std::vector<found_object>& objects) {
    std::vector<tab> tabs;
    const double height = c.tab_height();
    const auto is_free = [&](const tab& t) {
        return t.y >= 0 && t.y + height <= c.height() &&
               std::none_of(tabs.begin(), tabs.end(), [&](const tab& other) {
                   return t.x < other.x + other.width && other.x < t.x + t.width &&
                          std::abs(t.y - other.y) < height;
               });
    };
    for (const found_object& o : objects) {
        tab t;
        t.text = percent_text(o.label, o.score);
        t.width = c.text_width(t.text);
        t.x = within(o.box.x1, 0, c.width() - t.width);
        const double top = o.box.y1, bottom = o.box.y2;
        for (double y : {top - height, top, bottom - height, bottom, top - 2 * height, bottom + height})
            if (t.y = y; is_free(t))
                break;
        if (!is_free(t))
            t.y = within(top - height, 0, c.height() - height);
        tabs.push_back(t);
    }
    return tabs;
}

} // namespace

image draw_objects(image_view photo, const std::vector<found_object>& objects) {
    canvas c(photo);
    for (auto o = objects.rbegin(); o != objects.rend(); ++o) // the best on top
        c.stroke_box(o->box, color_of(o->class_id));
    const std::vector<tab> tabs = place_labels(c, objects);
    for (std::size_t i = tabs.size(); i-- > 0;)
        c.fill_tab(tabs[i].x, tabs[i].y, tabs[i].width, tabs[i].text, color_of(objects[i].class_id));
    return c.picture();
}

image draw_classes(image_view photo, const std::vector<scored_class>& classes) {
    canvas c(photo);
    double tab_width = 0;
    for (const scored_class& s : classes)
        tab_width = std::max(tab_width, c.text_width(percent_text(s.label, s.score)));
    double y = 0;
    for (const scored_class& s : classes) {
        c.fill_tab(0, y, tab_width, percent_text(s.label, s.score), color_of(s.class_id));
        y += c.tab_height();
    }
    return c.picture();
}

} // namespace fovea::cli
