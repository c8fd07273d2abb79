// A progress bar on standard error, for work that takes long in front of a terminal.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <utility>

#include <sys/ioctl.h>
#include <unistd.h>

namespace fovea::cli {

// Appears after half a second, is drawn at most ten times a second and vanishes at the end. Silent when
// standard error is no terminal.
class progress_bar {
public:
    explicit progress_bar(std::string title)
        : title_(std::move(title)), enabled_(isatty(STDERR_FILENO) == 1),
          next_(clock::now() + std::chrono::milliseconds(500)) {}
    progress_bar(const progress_bar&) = delete;
    progress_bar& operator=(const progress_bar&) = delete;
    ~progress_bar() {
        if (drawn_)
            std::fputs("\r\033[K", stderr);
    }

    // fraction: 0 .. 1. details: more words, cut off where the terminal ends.
    void show(double fraction, const std::string& details = {}) {
        if (!enabled_ || clock::now() < next_)
            return;
        next_ = clock::now() + std::chrono::milliseconds(100);
        drawn_ = true;
        const int width = details.empty() ? 40 : 20;
        const int filled = static_cast<int>(fraction * width);
        char percent[16];
        std::snprintf(percent, sizeof percent, "] %3d %%", static_cast<int>(fraction * 100));
        std::string line = title_ + " [" + std::string(static_cast<std::size_t>(filled), '#') +
                           std::string(static_cast<std::size_t>(width - filled), '.') + percent;
        if (!details.empty())
            line += "  " + details;
        std::fprintf(stderr, "\r%s\033[K", line.substr(0, columns() - 1).c_str());
    }

    // A line on standard output that stays, above the bar.
    void print(const std::string& line) {
        if (std::exchange(drawn_, false))
            std::fputs("\r\033[K", stderr);
        std::fprintf(stdout, "%s\n", line.c_str());
        std::fflush(stdout);
    }

    void set_title(std::string title) { title_ = std::move(title); }

private:
    using clock = std::chrono::steady_clock;

    static std::size_t columns() noexcept {
        winsize size{};
        return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : 80;
    }

    std::string title_;
    bool enabled_;
    bool drawn_ = false;
    clock::time_point next_;
};

} // namespace fovea::cli
