// Ctrl-C that lets a long run end well: the first one asks, the second one ends the program.
#pragma once

#include <csignal>

#include <unistd.h>

namespace fovea::cli {

namespace detail {

inline volatile std::sig_atomic_t interrupt_signal = 0;

inline void on_interrupt(int signal) noexcept {
    if (interrupt_signal != 0)
        _exit(128 + signal); // as a shell reports a program that a signal ended
    interrupt_signal = signal;
    constexpr char text[] = "\nfovea: stopping after this step; once more to stop at once\n";
    [[maybe_unused]] const auto written = write(STDERR_FILENO, text, sizeof text - 1);
}

} // namespace detail

// While it lives, SIGINT and SIGTERM set a flag. One at a time.
class interrupt_watch {
public:
    interrupt_watch() {
        detail::interrupt_signal = 0;
        struct sigaction action {};
        action.sa_handler = detail::on_interrupt;
        action.sa_flags = SA_RESTART; // reads and writes of files go on
        sigaction(SIGINT, &action, &interrupt_before_);
        sigaction(SIGTERM, &action, &terminate_before_);
    }
    interrupt_watch(const interrupt_watch&) = delete;
    interrupt_watch& operator=(const interrupt_watch&) = delete;
    ~interrupt_watch() {
        sigaction(SIGINT, &interrupt_before_, nullptr);
        sigaction(SIGTERM, &terminate_before_, nullptr);
    }

    bool requested() const noexcept { return detail::interrupt_signal != 0; }
    // SIGINT or SIGTERM, 0 when there was none.
    int signal() const noexcept { return detail::interrupt_signal; }

private:
    struct sigaction interrupt_before_ {
    }, terminate_before_{};
};

} // namespace fovea::cli
