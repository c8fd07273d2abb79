// The executors that results must not depend on.
#pragma once

#include <fovea/program/thread_executor.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace fovea::test {

// Runs tasks one by one, in reverse or in a random order, and hands them to any of its workers.
class disorderly_executor final : public executor {
public:
    enum class order { reverse, random };

    disorderly_executor(int workers, order o) : workers_(workers), order_(o) {}
    int concurrency() const noexcept override { return workers_; }
    void run(int count, const task& t) noexcept override {
        std::vector<int> indices(static_cast<std::size_t>(count));
        std::iota(indices.begin(), indices.end(), 0);
        if (order_ == order::reverse)
            std::reverse(indices.begin(), indices.end());
        else
            std::shuffle(indices.begin(), indices.end(), generator_);
        for (int i : indices)
            t(i, order_ == order::reverse ? i % workers_ : static_cast<int>(generator_() >> 8U) % workers_);
        tasks_ += count;
    }
    // Tasks that have been handed out.
    int tasks() const noexcept { return tasks_; }

private:
    int workers_;
    order order_;
    std::minstd_rand generator_;
    int tasks_ = 0;
};

struct named_executor {
    std::string name;
    std::unique_ptr<executor> runs;
};

inline std::vector<named_executor> all_executors() {
    std::vector<named_executor> all;
    for (int workers : {1, 2, 3, 5, 8})
        all.push_back({std::to_string(workers) + " threads", std::make_unique<thread_executor>(workers)});
    all.push_back(
        {"3 threads without patience", std::make_unique<thread_executor>(3, std::chrono::microseconds(0))});
    using order = disorderly_executor::order;
    for (auto [name, o] : {std::pair("reverse", order::reverse), std::pair("random", order::random)})
        for (int workers : {2, 5})
            all.push_back({name + (" order, " + std::to_string(workers)) + " workers",
                           std::make_unique<disorderly_executor>(workers, o)});
    return all;
}

// Two of them, for where all take too long.
inline std::vector<named_executor> some_executors() {
    std::vector<named_executor> some;
    some.push_back({"3 threads", std::make_unique<thread_executor>(3)});
    some.push_back({"random order, 5 workers",
                    std::make_unique<disorderly_executor>(5, disorderly_executor::order::random)});
    return some;
}

} // namespace fovea::test
