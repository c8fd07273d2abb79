#include "curves.hpp"

#include <fovea/error.hpp>

#include <cairo/cairo.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <memory>

namespace fovea::cli {

namespace {

struct ink {
    double red, green, blue;
};
constexpr ink blue{0.12, 0.37, 0.66}, pale_blue{0.72, 0.82, 0.93}, orange{0.90, 0.49, 0.13},
    green{0.16, 0.55, 0.30}, gray{0.55, 0.55, 0.55}, light_gray{0.90, 0.90, 0.90}, black{0.15, 0.15, 0.15};

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
double tick_step(range r, double count) noexcept {
    const double raw = r.width() / count, power = std::pow(10, std::floor(std::log10(raw)));
    const double lead = raw / power;
    return power * (lead < 1.5 ? 1 : lead < 3.5 ? 2 : lead < 7.5 ? 5 : 10);
}

// Grows a range to whole ticks; one of no width to a little on both sides.
range rounded(range r) noexcept {
    if (!(r.width() > 0))
        r = {r.low - 0.5 * std::max(std::abs(r.low), 1e-6), r.high + 0.5 * std::max(std::abs(r.high), 1e-6)};
    const double step = tick_step(r, 6);
    return {std::floor(r.low / step + 1e-6) * step, std::ceil(r.high / step - 1e-6) * step};
}

std::string tick_text(double value, double step) {
    const int decimals = std::max(0, -static_cast<int>(std::floor(std::log10(step) + 1e-9)));
    char text[64];
    std::snprintf(text, sizeof text, "%.*f", decimals, std::abs(value) < step / 2 ? 0.0 : value); // never -0
    return text;
}

curve curve_of(const std::vector<log_row>& rows, double log_row::*column) {
    curve points;
    for (const log_row& row : rows)
        if (std::isfinite(row.*column))
            points.push_back({row.epoch, row.*column});
    return points;
}

// The mean of each point's neighbours: over a thirtieth of the curve to either side, over less where it
// begins and falls steeply.
curve smoothed(const curve& raw) {
    std::vector<double> sums{0};
    for (point p : raw)
        sums.push_back(sums.back() + p.y);
    curve smooth;
    for (std::size_t i = 0; i < raw.size(); ++i) {
        const std::size_t reach = std::min(raw.size() / 30, i / 4);
        const std::size_t begin = i - reach, end = std::min(i + reach + 1, raw.size());
        smooth.push_back({raw[i].x, (sums[end] - sums[begin]) / static_cast<double>(end - begin)});
    }
    return smooth;
}

// All but the few largest and smallest values, so that the first steps do not press the rest flat.
range usual_range(const curve& points) {
    std::vector<double> values;
    for (point p : points)
        values.push_back(p.y);
    std::sort(values.begin(), values.end());
    const std::size_t rare = values.size() / 50;
    const double low = values[rare], high = values[values.size() - 1 - rare];
    return rounded({low >= 0 && low < 0.4 * high ? 0 : low, high});
}

// From 0 when the log has the beginning of the run.
range epoch_range(double first, double last) noexcept {
    if (first < last)
        return {first >= 0 && first < 0.1 * last ? 0 : first, last};
    return {first - 0.5, first + 0.5};
}

// Coordinates with a frame, ticks and names, on a part of a picture.
class panel {
public:
    panel(cairo_t* pen, double top, double height, range x, range y)
        : pen_(pen), top_(top), height_(height), x_(x), y_(y) {}

    void frame(const char* x_name, const char* y_name) {
        const double y_step = tick_step(y_, 6), x_step = std::max(tick_step(x_, 10), 1e-9);
        for (double value = y_.low; value <= y_.high + y_step / 2; value += y_step) {
            line({{x_.low, value}, {x_.high, value}}, light_gray, 1);
            text(left - 8, at({0, value}).y, tick_text(value, y_step), 1, black);
        }
        for (double value = std::ceil(x_.low / x_step - 1e-6) * x_step; value <= x_.high + x_step * 1e-6;
             value += x_step) {
            line({{value, y_.low}, {value, y_.high}}, light_gray, 1);
            text(at({value, 0}).x, top_ + height_ + 14, tick_text(value, x_step), 0.5, black);
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
        const double step = tick_step(y, 5);
        for (double value = y.low; value <= y.high + step / 2; value += step)
            text(left + width + 8, top_ + height_ * (1 - y.place(value)), tick_text(value, step), 0, c);
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

void draw_losses(panel& p, const curve& raw, const curve& smooth, const curve& rates) {
    p.frame("epoch", "loss");
    p.line(raw, pale_blue, 1);
    if (!rates.empty()) {
        double highest = 0;
        for (point rate : rates)
            highest = std::max(highest, rate.y);
        const range y = rounded({0, highest});
        p.right_axis(y, "learning rate", gray);
        p.line(rates, gray, 1.2, y);
    }
    p.line(smooth, blue, 2.2);
    p.legend({{"loss", pale_blue, 2}, {"smoothed", blue, 2.2}, {"learning rate", gray, 1.2}});
}

void draw_precisions(panel& p, const curve& ap, const curve& ap50) {
    p.frame("epoch", "average precision");
    for (const auto& [points, c] : {std::pair(&ap50, orange), std::pair(&ap, green)}) {
        p.line(*points, c, 2.2);
        for (point evaluated : points->size() > 100 ? curve{} : *points)
            p.dot(evaluated, 2.8, c);
    }
    p.legend({{"AP", green, 2.2}, {"AP50", orange, 2.2}});
    if (ap.empty())
        return;
    const auto less = [](point a, point b) { return a.y < b.y; };
    const point best = *std::max_element(ap.begin(), ap.end(), less);
    p.dot(best, 7, green, false);
    char words[96];
    std::snprintf(words, sizeof words, "best AP %.3f, epoch %.4g", best.y, best.x);
    p.note(best, words, green);
}

cairo_status_t append_png(void* text, const unsigned char* bytes, unsigned count) {
    static_cast<std::string*>(text)->append(reinterpret_cast<const char*>(bytes), count);
    return CAIRO_STATUS_SUCCESS;
}

} // namespace

std::string draw_curves(const std::vector<log_row>& rows, const std::string& title) {
    const curve losses = curve_of(rows, &log_row::loss), ap = curve_of(rows, &log_row::ap),
                ap50 = curve_of(rows, &log_row::ap50);
    if (losses.empty() && ap.empty())
        throw input_error("expected a log with a loss or an AP to draw");
    const range epochs = epoch_range(rows.front().epoch, rows.back().epoch);
    const bool both = !losses.empty() && !ap.empty();
    const std::unique_ptr<cairo_surface_t, decltype(&cairo_surface_destroy)> surface(
        cairo_image_surface_create(CAIRO_FORMAT_RGB24, 1000, both ? 800 : 440), &cairo_surface_destroy);
    const std::unique_ptr<cairo_t, decltype(&cairo_destroy)> pen(cairo_create(surface.get()), &cairo_destroy);
    cairo_set_source_rgb(pen.get(), 1, 1, 1);
    cairo_paint(pen.get());
    cairo_set_source_rgb(pen.get(), black.red, black.green, black.blue);
    cairo_select_font_face(pen.get(), "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_BOLD);
    cairo_set_font_size(pen.get(), 16);
    cairo_move_to(pen.get(), panel::left, 28);
    cairo_show_text(pen.get(), title.c_str());
    cairo_select_font_face(pen.get(), "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(pen.get(), 12.5);
    double top = 64;
    if (!losses.empty()) {
        const curve smooth = smoothed(losses);
        panel p(pen.get(), top, 310, epochs, usual_range(losses));
        draw_losses(p, losses, smooth, curve_of(rows, &log_row::learning_rate));
        top += 380;
    }
    if (!ap.empty()) {
        double highest = 0.01;
        for (const curve* points : {&ap, &ap50})
            for (point p : *points)
                highest = std::max(highest, p.y);
        panel p(pen.get(), top, 290, epochs, rounded({0, highest}));
        draw_precisions(p, ap, ap50);
    }
    std::string png;
    if (cairo_surface_write_to_png_stream(surface.get(), &append_png, &png) != CAIRO_STATUS_SUCCESS)
        throw input_error("the curves cannot be drawn"); // out of memory
    return png;
}

} // namespace fovea::cli
