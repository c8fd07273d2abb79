// Executors: how a kernel's tasks are run. The caller owns one; the library starts no threads of its own.
#pragma once

namespace fovea {

// A task of a kernel: called once for each index in [0, count), each index by one worker.
class task {
public:
    virtual void operator()(int index, int worker) const noexcept = 0;

protected:
    ~task() = default;
};

// Runs tasks, perhaps at the same time. Results do not depend on how: every task writes its own part of the
// output.
class executor {
public:
    virtual ~executor() = default;
    // How many tasks may run at once; workers are numbered [0, concurrency()).
    virtual int concurrency() const noexcept = 0;
    // Runs t(0), ..., t(count - 1) and returns when all have finished. Not called from within a task.
    virtual void run(int count, const task& t) noexcept = 0;
};

// Runs everything in the calling thread.
class sequential_executor final : public executor {
public:
    int concurrency() const noexcept override { return 1; }
    void run(int count, const task& t) noexcept override {
        for (int i = 0; i < count; ++i)
            t(i, 0);
    }
};

namespace detail {

template <class Function>
class function_task final : public task {
public:
    explicit function_task(const Function& f) noexcept : f_(f) {}
    void operator()(int index, int worker) const noexcept override { f_(index, worker); }

private:
    const Function& f_;
};

} // namespace detail

// f(index, worker) for each index in [0, count), by the executor's workers or, for one worker, in place.
template <class Function>
void parallel_for(executor& ex, int workers, int count, const Function& f) noexcept {
    if (workers > 1 && count > 1)
        return ex.run(count, detail::function_task<Function>(f));
    for (int i = 0; i < count; ++i)
        f(i, 0);
}

} // namespace fovea
