// An executor with threads of its own: low-latency fork-join for one forward pass at a time.
#pragma once

#include <fovea/program/executor.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace fovea {

namespace detail {

// Tells the processor that this thread waits in a loop.
inline void relax_processor() noexcept {
#if defined(__x86_64__)
    _mm_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

// A worker's open tasks in one word: generation of run(), end, next index. A worker that comes late claims
// nothing from a later generation.
class task_range {
public:
    explicit task_range(std::uint64_t bits) noexcept : bits_(bits) {}
    task_range(std::uint64_t generation, int begin, int end) noexcept
        : bits_(generation << 48 | static_cast<std::uint64_t>(end) << 24 |
                static_cast<std::uint64_t>(begin)) {}

    static constexpr int max_count = (1 << 24) - 1;
    static constexpr std::uint64_t generations = 1 << 16;

    std::uint64_t bits() const noexcept { return bits_; }
    std::uint64_t generation() const noexcept { return bits_ >> 48; }
    int next() const noexcept { return static_cast<int>(bits_ & max_count); }
    bool open() const noexcept { return next() < static_cast<int>(bits_ >> 24 & max_count); }

private:
    std::uint64_t bits_;
};

// Each on a cache line of its own.
struct alignas(64) worker_tasks {
    std::atomic<std::uint64_t> range{0};
};

} // namespace detail

// `threads` workers, the calling thread being one of them. Every worker begins with its own part of the
// tasks, which in one layer after the other is the same part of the map, so that what it wrote is in its
// caches; then it helps the others. A worker without work looks for more during some microseconds, as the
// next layer's tasks are about to come, and then sleeps. Serves one run() at a time: use it from one thread.
class thread_executor final : public executor {
public:
    // `patience`: how long a worker without work looks for more before it sleeps; 0 leaves the processor to
    // others between layers, more than the pause between two passes keeps workers awake. A second at most.
    explicit thread_executor(int threads, std::chrono::microseconds patience = std::chrono::microseconds(50))
        : rounds_(static_cast<int>(std::clamp<std::int64_t>(patience.count(), 0, 1'000'000)) *
                  rounds_per_microsecond),
          tasks_(static_cast<std::size_t>(threads > 1 ? threads : 1)) {
        for (int worker = 1; worker < threads; ++worker)
            threads_.emplace_back([this, worker] { serve(worker); });
    }
    thread_executor(const thread_executor&) = delete;
    thread_executor& operator=(const thread_executor&) = delete;
    ~thread_executor() override {
        stopping_.store(true);
        wake_sleepers();
        for (std::thread& t : threads_)
            t.join();
    }

    int concurrency() const noexcept override { return static_cast<int>(threads_.size()) + 1; }

    void run(int count, const task& t) noexcept override {
        for (int first = 0; first < count; first += detail::task_range::max_count)
            run_portion(first,
                        count - first < detail::task_range::max_count ? count - first
                                                                      : detail::task_range::max_count,
                        t);
    }

private:
    static constexpr int rounds_per_microsecond = 20; // of looking, about
    static constexpr int rounds_before_yielding = 1000;

    void run_portion(int first, int count, const task& t) noexcept {
        task_ = &t;
        first_ = first;
        completed_.store(0, std::memory_order_relaxed);
        const auto generation =
            (generation_.load(std::memory_order_relaxed) + 1) % detail::task_range::generations;
        const auto workers = static_cast<std::int64_t>(tasks_.size());
        const auto begin = [&](std::int64_t worker) { return static_cast<int>(worker * count / workers); };
        for (std::int64_t w = 0; w < workers; ++w)
            tasks_[static_cast<std::size_t>(w)].range.store(
                detail::task_range(generation, begin(w), begin(w + 1)).bits(), std::memory_order_release);
        generation_.store(generation);
        if (sleeping_.load() > 0)
            wake_sleepers();
        work(generation, 0);
        for (int i = 0; completed_.load(std::memory_order_acquire) < count; ++i)
            if (i < rounds_before_yielding)
                detail::relax_processor();
            else
                std::this_thread::yield(); // the worker with the last task has no processor
    }
    // Runs tasks of one generation, the worker's own first, until none is open. task_ cannot change while a
    // claimed task has not completed.
    void work(std::uint64_t generation, int worker) noexcept {
        for (std::size_t i = 0; i < tasks_.size(); ++i)
            work_through(tasks_[(static_cast<std::size_t>(worker) + i) % tasks_.size()].range, generation,
                         worker);
    }
    void work_through(std::atomic<std::uint64_t>& range, std::uint64_t generation, int worker) noexcept {
        for (auto bits = range.load(std::memory_order_acquire);;) {
            const detail::task_range seen(bits);
            if (seen.generation() != generation || !seen.open())
                return;
            if (!range.compare_exchange_weak(bits, bits + 1, std::memory_order_acq_rel))
                continue;
            (*task_)(first_ + seen.next(), worker);
            completed_.fetch_add(1, std::memory_order_release);
            bits = range.load(std::memory_order_acquire);
        }
    }
    void serve(int worker) noexcept {
        std::uint64_t done = 0;
        while (!stopping_.load()) {
            const auto generation = wait_for_other_than(done);
            work(generation, worker);
            done = generation;
        }
    }
    std::uint64_t wait_for_other_than(std::uint64_t done) noexcept {
        const auto current = [this] { return generation_.load(); };
        for (int i = 0; i < rounds_; ++i, detail::relax_processor())
            if (current() != done || stopping_.load(std::memory_order_relaxed))
                return current();
        std::unique_lock<std::mutex> lock(mutex_);
        sleeping_.fetch_add(1);
        wake_.wait(lock, [&] { return current() != done || stopping_.load(); });
        sleeping_.fetch_sub(1);
        return current();
    }
    // Under the mutex, so that a worker between its last look and its sleep is not missed.
    void wake_sleepers() noexcept {
        const std::lock_guard<std::mutex> lock(mutex_);
        wake_.notify_all();
    }

    int rounds_; // of looking before sleeping
    std::vector<std::thread> threads_;
    std::vector<detail::worker_tasks> tasks_; // by worker
    std::atomic<std::uint64_t> generation_{0};
    std::atomic<int> completed_{0};
    const task* task_ = nullptr;
    int first_ = 0;
    std::atomic<int> sleeping_{0};
    std::atomic<bool> stopping_{false};
    std::mutex mutex_;
    std::condition_variable wake_;
};

} // namespace fovea
