#include "curves.hpp"
#include "plot_panel.hpp"

#include <fovea/error.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>

namespace fovea::cli {

namespace {

using namespace plot;

constexpr ink blue{0.12, 0.37, 0.66}, pale_blue{0.72, 0.82, 0.93}, orange{0.90, 0.49, 0.13},
    green{0.16, 0.55, 0.30};

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

void draw_figures(panel& p, const curve& first, const curve& second, log_kind kind) {
    const figure_names names = figure_names_of(kind);
    p.frame("epoch", kind == log_kind::detection ? "average precision" : "part of the photos");
    for (const auto& [points, c] : {std::pair(&second, orange), std::pair(&first, green)}) {
        p.line(*points, c, 2.2);
        for (point evaluated : points->size() > 100 ? curve{} : *points)
            p.dot(evaluated, 2.8, c);
    }
    p.legend({{names.first, green, 2.2}, {names.second, orange, 2.2}});
    if (first.empty())
        return;
    const auto less = [](point a, point b) { return a.y < b.y; };
    const point best = *std::max_element(first.begin(), first.end(), less);
    p.dot(best, 7, green, false);
    char words[96];
    std::snprintf(words, sizeof words, "best %s %.3f, epoch %.4g", names.first, best.y, best.x);
    p.note(best, words, green);
}

cairo_status_t append_png(void* text, const unsigned char* bytes, unsigned count) {
    static_cast<std::string*>(text)->append(reinterpret_cast<const char*>(bytes), count);
    return CAIRO_STATUS_SUCCESS;
}

} // namespace

std::string draw_curves(const std::vector<log_row>& rows, const std::string& title) {
    const curve losses = curve_of(rows, &log_row::loss), top1 = curve_of(rows, &log_row::top1);
    const log_kind kind = top1.empty() ? log_kind::detection : log_kind::classification;
    const curve first = top1.empty() ? curve_of(rows, &log_row::ap) : top1,
                second = curve_of(rows, top1.empty() ? &log_row::ap50 : &log_row::top5);
    if (losses.empty() && first.empty())
        throw input_error("expected a log with a loss or an evaluation to draw");
    const range epochs = epoch_range(rows.front().epoch, rows.back().epoch);
    const bool both = !losses.empty() && !first.empty();
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
    if (!first.empty()) {
        double highest = 0.01;
        for (const curve* points : {&first, &second})
            for (point p : *points)
                highest = std::max(highest, p.y);
        panel p(pen.get(), top, 290, epochs, rounded({0, highest}));
        draw_figures(p, first, second, kind);
    }
    std::string png;
    if (cairo_surface_write_to_png_stream(surface.get(), &append_png, &png) != CAIRO_STATUS_SUCCESS)
        throw input_error("the curves cannot be drawn"); // out of memory
    return png;
}

} // namespace fovea::cli
