// A panel of a plot: frame, ticks, names and curves in coordinates of their own, with cairo.
#pragma once

#include <cairo/cairo.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace fovea::cli::plot {

struct ink {
    double red, green, blue;
};

inline constexpr ink gray{0.55, 0.55, 0.55}, light_gray{0.90, 0.90, 0.90}, black{0.15, 0.15, 0.15};

struct point {
    double x, y;
};
using curve = std::vector<point>;

struct range {
    double low = 0, high = 1;

    double width() const noexcept { return high - low; }
    // 0 at low, 1 at high.
    double place(double value) const noexcept { return (value - low) / width(); }
};

// Distance of ticks: 1, 2 or 5 times a power of ten, about `count` of them in the range.
inline double tick_step(range r, double count) noexcept {
    const double raw = r.width() / count, power = std::pow(10, std::floor(std::log10(raw)));
    const double lead = raw / power;
    return power * (lead < 1.5 ? 1 : lead < 3.5 ? 2 : lead < 7.5 ? 5 : 10);
}

// Grows a range to whole ticks; one of no width to a little on both sides.
inline range rounded(range r) noexcept {
    if (!(r.width() > 0))
        r = {r.low - 0.5 * std::max(std::abs(r.low), 1e-6), r.high + 0.5 * std::max(std::abs(r.high), 1e-6)};
    const double step = tick_step(r, 6);
    return {std::floor(r.low / step + 1e-6) * step, std::ceil(r.high / step - 1e-6) * step};
}

struct tick {
    double value;
    std::string words;
};

// About `count` ticks in the range, at whole multiples of their distance.
inline std::vector<tick> ticks(range r, double count) {
    const double step = tick_step(r, count);
    const int decimals = std::max(0, -static_cast<int>(std::floor(std::log10(step) + 1e-9)));
    std::vector<tick> all;
    for (int i = 0; i < 4 * count; ++i) {
        const double value = (std::ceil(r.low / step - 1e-6) + i) * step;
        if (!(value <= r.high + step * 1e-6))
            break;
        char words[64];
        std::snprintf(words, sizeof words, "%.*f", decimals,
                      std::abs(value) < step / 2 ? 0.0 : value); // no -0
        all.push_back({value, words});
    }
    return all;
}

// Coordinates with a frame, ticks and names, on a part of a picture.
class panel {
public:
    panel(cairo_t* pen, double top, double height, range x, range y)
        : pen_(pen), top_(top), height_(height), x_(x), y_(y) {}

    void frame(const char* x_name, const char* y_name) {
        for (const tick& t : ticks(y_, 6)) {
            line({{x_.low, t.value}, {x_.high, t.value}}, light_gray, 1);
            text(left - 8, at({0, t.value}).y, t.words, 1, black);
        }
        for (const tick& t : ticks(x_, 10)) {
            line({{t.value, y_.low}, {t.value, y_.high}}, light_gray, 1);
            text(at({t.value, 0}).x, top_ + height_ + 14, t.words, 0.5, black);
        }
        color(gray);
        cairo_set_line_width(pen_, 1);
        cairo_rectangle(pen_, left, top_, width, height_);
        cairo_stroke(pen_);
        text(left + width / 2, top_ + height_ + 34, x_name, 0.5, black);
        upright_text(18, y_name, black);
    }

    // A second axis at the right edge, with ticks of its own.
    void right_axis(range y, const char* name, ink c) {
        for (const tick& t : ticks(y, 5))
            text(left + width + 8, top_ + height_ * (1 - y.place(t.value)), t.words, 0, c);
        upright_text(left + width + 78, name, c);
    }

    void line(const curve& points, ink c, double line_width) { line(points, c, line_width, y_); }
    void line(const curve& points, ink c, double line_width, range y) {
        cairo_save(pen_);
        cairo_rectangle(pen_, left, top_, width, height_);
        cairo_clip(pen_);
        cairo_new_path(pen_);
        for (point p : thinned(points))
            cairo_line_to(pen_, at(p).x, top_ + height_ * (1 - y.place(p.y)));
        color(c);
        cairo_set_line_width(pen_, line_width);
        cairo_set_line_join(pen_, CAIRO_LINE_JOIN_ROUND);
        cairo_stroke(pen_);
        cairo_restore(pen_);
    }

    void dot(point p, double radius, ink c, bool filled = true) {
        cairo_new_path(pen_);
        cairo_arc(pen_, at(p).x, at(p).y, radius, 0, 6.2831853);
        color(c);
        cairo_set_line_width(pen_, 2);
        filled ? cairo_fill(pen_) : cairo_stroke(pen_);
    }

    // Words beside a point: below it and towards the middle of the panel.
    void note(point p, const std::string& words, ink c) {
        const bool right = x_.place(p.x) < 0.5;
        const double y = at(p).y + (y_.place(p.y) > 0.15 ? 26 : -26);
        text(at(p).x + (right ? 8 : -8), y, words, right ? 0 : 1, c);
    }

    struct legend_entry {
        const char* name;
        ink c;
        double line_width;
    };
    // One line in the space above the panel, from its right edge to the left.
    void legend(std::vector<legend_entry> entries) {
        double x = left + width;
        for (auto e = entries.rbegin(); e != entries.rend(); ++e) {
            text(x, top_ - 12, e->name, 1, black);
            x -= extents(e->name).x_advance + 8;
            color(e->c);
            cairo_set_line_width(pen_, e->line_width);
            cairo_move_to(pen_, x - 24, top_ - 12);
            cairo_line_to(pen_, x, top_ - 12);
            cairo_stroke(pen_);
            x -= 24 + 20;
        }
    }

    static constexpr double left = 78, width = 812; // pixels

private:
    point at(point p) const noexcept {
        return {left + width * x_.place(p.x), top_ + height_ * (1 - y_.place(p.y))};
    }
    void color(ink c) { cairo_set_source_rgb(pen_, c.red, c.green, c.blue); }
    cairo_text_extents_t extents(const std::string& words) {
        cairo_text_extents_t e;
        cairo_text_extents(pen_, words.c_str(), &e);
        return e;
    }
    // align: 0 begins at x, 1 ends there. y is the middle of the letters.
    void text(double x, double y, const std::string& words, double align, ink c) {
        color(c);
        cairo_move_to(pen_, x - align * extents(words).x_advance, y + 4.5);
        cairo_show_text(pen_, words.c_str());
    }
    void upright_text(double x, const std::string& words, ink c) {
        cairo_save(pen_);
        cairo_translate(pen_, x, top_ + height_ / 2);
        cairo_rotate(pen_, -1.5707963);
        text(0, 0, words, 0.5, c);
        cairo_restore(pen_);
    }
    // Of the points in one column of pixels the lowest and the highest: long runs draw as fast as short ones.
    curve thinned(const curve& points) const {
        if (points.size() < 4 * static_cast<std::size_t>(width))
            return points;
        curve kept;
        double column = -1;
        for (point p : points) {
            const double here = std::floor(at(p).x);
            if (here != column) {
                kept.insert(kept.end(), 2, p);
                column = here;
            }
            point &low = kept[kept.size() - 2], &high = kept.back();
            low = p.y < low.y ? p : low;
            high = p.y > high.y ? p : high;
        }
        return kept;
    }

    cairo_t* pen_;
    double top_, height_; // pixels
    range x_, y_;
};

} // namespace fovea::cli::plot
