// A progress bar on standard error, for work that takes long in front of a terminal.
#pragma once

#include <chrono>
#include <cstdio>
#include <string>
#include <utility>

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

    // fraction: 0 .. 1.
    void show(double fraction) {
        if (!enabled_ || clock::now() < next_)
            return;
        next_ = clock::now() + std::chrono::milliseconds(100);
        drawn_ = true;
        constexpr int width = 40;
        const int filled = static_cast<int>(fraction * width);
        const std::string bar = std::string(static_cast<std::size_t>(filled), '#') +
                                std::string(static_cast<std::size_t>(width - filled), '.');
        std::fprintf(stderr, "\r%s [%s] %3d %%\033[K", title_.c_str(), bar.c_str(),
                     static_cast<int>(fraction * 100));
    }

private:
    using clock = std::chrono::steady_clock;

    std::string title_;
    bool enabled_;
    bool drawn_ = false;
    clock::time_point next_;
};

} // namespace fovea::cli
