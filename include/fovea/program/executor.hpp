// Executors: how a kernel's tasks are run. The caller owns one; the library starts no threads of its own.
#pragma once

namespace fovea {

// A task of a kernel: called once for each index in [0, count), each index by one worker. Refers to a
// function f(index, worker), which lives longer. Not virtual: g++ works through every override that a call
// may reach before it drops those of kernels that the program does not have.
class task {
public:
    template <class Function>
    explicit task(const Function& f) noexcept
        : function_(&f), call_([](const void* function, int index, int worker) noexcept {
              (*static_cast<const Function*>(function))(index, worker);
          }) {}

    void operator()(int index, int worker) const noexcept { call_(function_, index, worker); }

private:
    const void* function_;
    void (*call_)(const void* function, int index, int worker) noexcept;
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

// f(index, worker) for each index in [0, count), by the executor's workers or, for one worker, in place.
template <class Function>
void parallel_for(executor& ex, int workers, int count, const Function& f) noexcept {
    const task t(f);
    if (workers > 1 && count > 1)
        return ex.run(count, t);
    for (int i = 0; i < count; ++i)
        t(i, 0);
}

} // namespace fovea
