// An executor with threads of its own: fork-join for one forward pass at a time.
#pragma once

#include <fovea/program/executor.hpp>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace fovea {

// `threads` workers, the calling thread being one of them. Idle workers sleep. Serves one run() at a time:
// use it from one thread, or give each thread its own.
class thread_executor final : public executor {
public:
    explicit thread_executor(int threads) {
        for (int worker = 1; worker < threads; ++worker)
            threads_.emplace_back([this, worker] { serve(worker); });
    }
    thread_executor(const thread_executor&) = delete;
    thread_executor& operator=(const thread_executor&) = delete;
    ~thread_executor() override {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            stopping_ = true;
        }
        wake_.notify_all();
        for (std::thread& t : threads_)
            t.join();
    }

    int concurrency() const noexcept override { return static_cast<int>(threads_.size()) + 1; }

    void run(int count, const task& t) noexcept override {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            task_ = &t;
            count_ = count;
            next_.store(0, std::memory_order_relaxed);
            busy_ = static_cast<int>(threads_.size());
            ++generation_;
        }
        wake_.notify_all();
        work(0);
        std::unique_lock<std::mutex> lock(mutex_);
        done_.wait(lock, [this] { return busy_ == 0; });
    }

private:
    void work(int worker) noexcept {
        for (int i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < count_;)
            (*task_)(i, worker);
    }
    void serve(int worker) noexcept {
        unsigned seen = 0;
        std::unique_lock<std::mutex> lock(mutex_);
        for (;;) {
            wake_.wait(lock, [&] { return stopping_ || generation_ != seen; });
            if (stopping_)
                return;
            seen = generation_;
            lock.unlock();
            work(worker);
            lock.lock();
            if (--busy_ == 0)
                done_.notify_one();
        }
    }

    std::vector<std::thread> threads_;
    std::mutex mutex_;
    std::condition_variable wake_, done_;
    const task* task_ = nullptr;
    std::atomic<int> next_{0};
    int count_ = 0;
    int busy_ = 0;
    unsigned generation_ = 0;
    bool stopping_ = false;
};

} // namespace fovea
