// The loops of a training network's two passes over its kernels, segment by segment and range by range of
// images.
#pragma once

#include <fovea/program/training_copies.hpp>
#include <fovea/program/training_program.hpp>

#include <algorithm>
#include <functional>

FOVEA_ARCH_NAMESPACE_BEGIN

// For looking inside: called after every step of a pass for each range of images, with the step, whether the
// pass is the backward one, the images, the numbers of the step's value (backward: of its input's gradient,
// null where that is not wanted) for the first image of the batch, and their layout.
using training_probe =
    std::function<void(int step, bool backward, image_range, const float*, const batch_layout&)>;

// One forward pass and the backward pass behind it, with everything planned, addressed and linked.
class training_passes {
public:
    training_passes(const training_program_view& program, const planned_training& planned,
                    const training_addresses& addresses, const training_calls& calls,
                    const training_probe& probe) noexcept
        : program_(program), planned_(planned), addresses_(addresses), calls_(calls), probe_(probe) {}

    void forward(executor& ex) const noexcept {
        const training_copies copies(program_.graph, planned_, addresses_);
        copies.read_images();
        prepare(
            ex, [&](int s) { return kernel_at(s).prepare_forward; },
            [&](int s) { return calls_.forward(s); });
        if (is_norm_step(0))
            reduce_forward(0, {0, batch()}, ex, true);
        for (const step_segment& segment : planned_.plan.forward_segments.view())
            run_forward(segment, ex);
        for (int p = 0; p < part_count(); ++p)
            copies.write_output(p);
    }
    void backward(executor& ex) const noexcept {
        const training_copies copies(program_.graph, planned_, addresses_);
        for (int p = 0; p < part_count(); ++p)
            copies.read_output_gradient(p);
        prepare(
            ex, [&](int s) { return calls_.runs_backward(s) ? kernel_at(s).prepare_backward : nullptr; },
            [&](int s) { return calls_.backward(s); });
        if (is_norm_step(step_count() - 1))
            reduce_backward(step_count() - 1, {0, batch()}, ex, true);
        for (const step_segment& segment : planned_.plan.backward_segments.view())
            run_backward(segment, ex);
    }

private:
    static std::size_t at(int i) noexcept { return static_cast<std::size_t>(i); }
    int batch() const noexcept { return planned_.options.batch; }
    int step_count() const noexcept { return static_cast<int>(program_.steps.size()); }
    int part_count() const noexcept { return static_cast<int>(program_.graph.parts.size()); }
    const training_step& step_at(int s) const noexcept { return program_.steps[at(s)]; }
    const training_kernel& kernel_at(int s) const noexcept { return program_.kernels[at(s)]; }
    bool is_norm_step(int s) const noexcept { return is_norm(program_.graph[step_at(s).node].kind); }

    void call(training_kernel::call f, int s, const training_operands& o, executor& ex) const noexcept {
        if (f != nullptr)
            f(planned_.layers[at(s)], o, ex);
    }
    void call(training_kernel::range_call f, int s, const training_operands& o, image_range range,
              executor& ex) const noexcept {
        if (f != nullptr)
            f(planned_.layers[at(s)], o, range, ex);
    }
    // Packs the weights of all steps, step by step side by side.
    template <class Prepare, class Operands>
    void prepare(executor& ex, const Prepare& prepare_of, const Operands& operands_of) const noexcept {
        parallel_for(ex, ex.concurrency(), step_count(), [&](int s, int) {
            sequential_executor one;
            call(prepare_of(s), s, operands_of(s), one);
        });
    }
    template <class Function>
    void for_each_range(int images, const Function& f) const noexcept {
        for (int first = 0; first < batch(); first += images)
            f(image_range{first, std::min(batch(), first + images)});
    }

    void run_forward(const step_segment& segment, executor& ex) const noexcept {
        for_each_range(segment.images, [&](image_range range) {
            for (int s = segment.first; s < segment.last; ++s) {
                call(kernel_at(s).forward, s, calls_.forward(s), range, ex);
                if (probe_)
                    probe_(s, false, range, calls_.forward(s).output, planned_.layers[at(s)].out);
            }
            if (segment.last < step_count())
                reduce_forward(segment.last, range, ex, range.last == batch());
        });
    }
    // A norm's part of statistics of some images, and all of it behind the last ones.
    void reduce_forward(int norm, image_range range, executor& ex, bool is_last) const noexcept {
        call(kernel_at(norm).reduce, norm, calls_.forward(norm), range, ex);
        if (is_last)
            call(kernel_at(norm).finish, norm, calls_.forward(norm), ex);
    }

    void run_backward(const step_segment& segment, executor& ex) const noexcept {
        for_each_range(segment.images, [&](image_range range) {
            for (int s = segment.last; s-- > segment.first;)
                if (calls_.runs_backward(s))
                    run_backward_step(s, range, ex);
            if (segment.first > 0)
                reduce_backward(segment.first - 1, range, ex, range.last == batch());
        });
    }
    void reduce_backward(int norm, image_range range, executor& ex, bool is_last) const noexcept {
        if (!calls_.runs_backward(norm))
            return;
        call(kernel_at(norm).reduce_backward, norm, calls_.backward(norm), range, ex);
        if (is_last)
            call(kernel_at(norm).finish_backward, norm, calls_.backward(norm), ex);
    }
    void run_backward_step(int s, image_range range, executor& ex) const noexcept {
        const backward_step& how = planned_.plan.backward[at(s)];
        if (how.recomputes_input)
            recompute(step_at(s).input, range, ex);
        if (how.recomputes_second)
            recompute(step_at(s).second, range, ex);
        if (how.recomputes_third)
            recompute(step_at(s).third, range, ex);
        call(kernel_at(s).backward, s, calls_.backward(s), range, ex);
        if (probe_)
            probe_(s, true, range, calls_.backward(s).input_gradient, planned_.layers[at(s)].in);
    }
    void recompute(node_id v, image_range range, executor& ex) const noexcept {
        const int s = planned_.plan.producers[at(v)];
        training_operands o = calls_.forward(s);
        o.output = addresses_.arena + planned_.plan.recomputed[at(v)].offset;
        call(kernel_at(s).forward, s, o, range, ex);
    }

    const training_program_view& program_;
    const planned_training& planned_;
    const training_addresses& addresses_;
    const training_calls& calls_;
    const training_probe& probe_;
};

FOVEA_ARCH_NAMESPACE_END
