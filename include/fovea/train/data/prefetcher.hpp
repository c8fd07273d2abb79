// Worker threads that prepare results ahead and hand them over in order: the engine of the loaders.
#pragma once

#include <fovea/error.hpp>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace fovea {

// Result number n is make(n, result, worker), prepared by one of the workers before next() asks for it, at
// most `ahead` results early. `result` is an old one for its memory. An exception of make comes out of next()
// for that number, and again until seek(). One thread calls next() and seek().
template <class Result>
class prefetcher {
public:
    using maker = std::function<void(std::uint64_t number, Result& result, std::size_t worker)>;

    // Throws input_error unless there are workers and room for a result.
    prefetcher(maker make, std::size_t workers, std::size_t ahead) : make_(std::move(make)), ahead_(ahead) {
        if (workers == 0 || ahead == 0)
            throw input_error("prefetcher: expected at least one worker and one result ahead");
        try {
            for (std::size_t w = 0; w < workers; ++w)
                threads_.emplace_back([this, w] { work(w); });
        } catch (...) {
            stop();
            throw;
        }
    }
    ~prefetcher() { stop(); }
    prefetcher(const prefetcher&) = delete;
    prefetcher& operator=(const prefetcher&) = delete;

    // The number that next() returns.
    std::uint64_t position() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return wanted_;
    }

    // Exchanges `result`, whose memory is used again, for the next one.
    void next(Result& result) {
        std::unique_lock<std::mutex> lock(mutex_);
        ready_.wait(lock, [this] { return done_.count(wanted_) != 0; });
        const auto found = done_.find(wanted_);
        if (found->second.failure)
            std::rethrow_exception(found->second.failure);
        std::swap(result, spare_.emplace_back(std::move(found->second.result)));
        done_.erase(found);
        ++wanted_;
        lock.unlock();
        room_.notify_all();
    }

    // Goes on from result `number`; what was prepared is thrown away.
    void seek(std::uint64_t number) {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            ++generation_;
            wanted_ = begun_ = number;
            done_.clear();
        }
        room_.notify_all();
    }

private:
    struct outcome {
        Result result;
        std::exception_ptr failure;
    };

    void work(std::size_t worker) {
        std::unique_lock<std::mutex> lock(mutex_);
        for (;;) {
            room_.wait(lock, [this] { return stopping_ || begun_ < wanted_ + ahead_; });
            if (stopping_)
                return;
            const std::uint64_t number = begun_++, generation = generation_;
            outcome made;
            if (!spare_.empty()) {
                made.result = std::move(spare_.back());
                spare_.pop_back();
            }
            lock.unlock();
            try {
                make_(number, made.result, worker);
            } catch (...) {
                made.failure = std::current_exception();
            }
            lock.lock();
            if (generation == generation_) {
                done_.emplace(number, std::move(made));
                ready_.notify_all();
            }
        }
    }

    void stop() noexcept {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            stopping_ = true;
        }
        room_.notify_all();
        for (std::thread& thread : threads_)
            thread.join();
    }

    maker make_;
    std::size_t ahead_;
    mutable std::mutex mutex_;
    std::condition_variable room_, ready_;
    bool stopping_ = false;
    std::uint64_t wanted_ = 0, begun_ = 0, generation_ = 0;
    std::map<std::uint64_t, outcome> done_;
    std::vector<Result> spare_;
    std::vector<std::thread> threads_; // last: they use the rest
};

} // namespace fovea
