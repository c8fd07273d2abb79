// A network in training: parameters, planned memory and the loops over the forward and backward kernels.
#pragma once

#include <fovea/kernels/simd/elementwise.hpp>
#include <fovea/program/training_calls.hpp>
#include <fovea/program/training_program.hpp>

#include <functional>
#include <memory>

FOVEA_ARCH_NAMESPACE_BEGIN

// Computes the outputs of a batch and, from a loss's gradient with respect to them, the gradients of all parameters.
// Construction, plan() and run_on() allocate; forward() and backward() allocate nothing and throw nothing. The
// results are the same bits on any executor.
//     net.forward(images);               // [batch, height, width, 3], preprocessed
//     loss(net.output(0), ..., net.output_gradient(0));
//     net.parameters().zero_gradients(); // gradients add up otherwise
//     net.backward();
class training_network {
public:
    using plan_options = training_plan_options;

    // For looking inside: called after every step of a pass for each range of images, with the step, whether the
    // pass is the backward one, the images, the numbers of the step's value (backward: of its input's gradient, null
    // where that is not wanted) for the first image of the batch, and their layout.
    using probe = std::function<void(int step, bool backward, image_range, const float*, const batch_layout&)>;

    // For the graph's own input size, in the calling thread or on `ex`. All parameters are zero. Throws input_error as
    // plan() does.
    training_network(const training_program_view& program, const plan_options& options)
        : training_network(program, options, nullptr) {}
    training_network(const training_program_view& program, const plan_options& options, executor& ex)
        : training_network(program, options, &ex) {}

    // Plans for another batch or input size. Throws input_error when the network cannot take it, std::bad_alloc
    // when memory runs out; the network then stays as it was.
    void plan(const plan_options& options, int height, int width) {
        plan_on(executor_, options, height, width);
    }
    // Runs on `ex` from now on; it stays the caller's and must outlive its use. Throws as plan() does.
    void run_on(executor& ex) {
        plan_on(&ex, planned_->options, planned_->shapes[0].height, planned_->shapes[0].width);
    }

    // One forward pass in training mode. `images`: [batch, height, width, channels]; they must stay as they are
    // until backward() has run. `random`: the pass's number, from which dropout draws.
    void forward(const float* images, std::uint64_t random = 0) noexcept {
        sequential_executor sequential;
        executor& ex = executor_ == nullptr ? sequential : *executor_;
        parameters_.count_batch();
        addresses_.images = const_cast<float*>(images); // no kernel writes its input
        calls_.link(graph(), program_.steps, *planned_, parameters_, addresses_, program_.norm_momentum, random);
        if (planned_->plan.values[0].where == place::arena)
            move_maps(images, dense_layout(), addresses_.arena + planned_->plan.values[0].offset, arena_layout(0));
        prepare(ex, [&](int s) { return kernel_at(s).prepare_forward; }, [&](int s) { return calls_.forward(s); });
        if (is_norm_step(0))
            reduce_forward(0, {0, batch()}, ex, true);
        for (const step_segment& segment : planned_->plan.forward_segments.view())
            run_forward(segment, ex);
        for (int p = 0; p < part_count(); ++p)
            write_output(p);
    }

    // The gradients of all parameters, added to parameters().gradients(), from output_gradient(). Once after each
    // forward().
    void backward() noexcept {
        sequential_executor sequential;
        executor& ex = executor_ == nullptr ? sequential : *executor_;
        for (int p = 0; p < part_count(); ++p)
            read_output_gradient(p);
        prepare(
            ex, [&](int s) { return calls_.runs_backward(s) ? kernel_at(s).prepare_backward : nullptr; },
            [&](int s) { return calls_.backward(s); });
        if (is_norm_step(step_count() - 1))
            reduce_backward(step_count() - 1, {0, batch()}, ex, true);
        for (const step_segment& segment : planned_->plan.backward_segments.view())
            run_backward(segment, ex);
    }

    training_parameters& parameters() noexcept { return parameters_; }
    const training_parameters& parameters() const noexcept { return parameters_; }

    // Output i of all images, [batch, output_floats(i)], and the place for a loss's gradient with respect to it.
    span<const float> output(std::size_t i) const noexcept { return {outputs_[i].data(), outputs_[i].size()}; }
    span<float> output_gradient(std::size_t i) noexcept {
        return {output_gradients_[i].data(), output_gradients_[i].size()};
    }
    // Numbers of output i for one image.
    std::size_t output_floats(std::size_t i) const noexcept {
        return fovea::output_floats(graph(), planned_->shapes, static_cast<int>(i));
    }
    // The gradient of the network's input where the plan asks for it, else empty: maps as input_layout() has them.
    span<const float> input_gradient() const noexcept {
        const memory_place& where = planned_->plan.gradients[0];
        if (where.where != place::arena)
            return {};
        return {addresses_.arena + where.offset, at(batch()) * static_cast<std::size_t>(input_layout().image_stride)};
    }
    // Pixels are dense where the first kernels read them so, else their channels are padded.
    batch_layout input_layout() const noexcept {
        return batch_layout_of(graph(), planned_->shapes, 0, planned_->plan.values[0]);
    }
    // Whether dropout and stochastic depth drop anything; they do unless told otherwise.
    void set_dropout(bool on) noexcept {
        dropout_ = on;
        for (int s = 0; s < step_count(); ++s)
            planned_->layers[at(s)].dropout = on ? graph()[step_at(s).node].dropout : 0.0F;
    }
    void set_probe(probe p) { probe_ = std::move(p); }

    const training_program_view& program() const noexcept { return program_; }
    graph_view graph() const noexcept { return program_.graph; }
    const plan_options& options() const noexcept { return planned_->options; }
    int batch() const noexcept { return planned_->options.batch; }
    shape shape_of(node_id i) const noexcept { return planned_->shapes[at(i)]; }
    // Values, gradients of values and the kernels' own memory; parameters and outputs are not counted.
    std::size_t workspace_bytes() const noexcept { return planned_->floats * sizeof(float); }

private:
    training_network(const training_program_view& program, const plan_options& options, executor* ex)
        : program_(program), parameters_(program.graph) {
        const shape input = program.graph[0].out;
        plan_on(ex, options, input.height, input.width);
    }

    static std::size_t at(int i) noexcept { return static_cast<std::size_t>(i); }
    int step_count() const noexcept { return static_cast<int>(program_.steps.size()); }
    int part_count() const noexcept { return static_cast<int>(graph().parts.size()); }
    const training_step& step_at(int s) const noexcept { return program_.steps[at(s)]; }
    const training_kernel& kernel_at(int s) const noexcept { return program_.kernels[at(s)]; }
    bool is_norm_step(int s) const noexcept { return is_norm(graph()[step_at(s).node].kind); }

    void plan_on(executor* ex, const plan_options& options, int height, int width) {
        auto p = std::make_unique<planned_training>();
        plan_values(*p, options, height, width);
        p->packed.resize(at(step_count()));
        p->saved.resize(at(step_count()));
        const training_memory m = lay_out_training(
            p->plan, program_.kernels, options.batch, ex == nullptr ? 1 : std::max(1, ex->concurrency()),
            [&](int s) { return p->layers[at(s)]; },
            [&](std::size_t s, std::size_t packed, std::size_t saved) {
                p->packed[s] = packed;
                p->saved[s] = saved;
            });
        p->scratch = m.scratch;
        p->floats = m.all;
        aligned_floats arena(m.all <= arena_.size() ? 0 : m.all); // what there is may do
        std::vector<aligned_floats> outputs, output_gradients;
        for (int i = 0; i < static_cast<int>(graph().outputs.size()); ++i)
            for (auto* list : {&outputs, &output_gradients})
                list->emplace_back(fovea::output_floats(graph(), p->shapes, i) * at(options.batch));
        training_addresses addresses;
        addresses.outputs.resize(graph().parts.size());
        addresses.output_gradients.resize(graph().parts.size());
        calls_.reserve(program_.steps.size(), graph().nodes.size());

        executor_ = ex; // nothing throws from here on
        planned_ = std::move(p);
        if (arena.size() > 0)
            arena_ = std::move(arena);
        outputs_ = std::move(outputs);
        output_gradients_ = std::move(output_gradients);
        addresses_ = std::move(addresses);
        addresses_.arena = arena_.data();
        for (int i = 0; i < part_count(); ++i) {
            const auto o = at(graph().parts[at(i)].output);
            const std::size_t offset = part_offset(graph(), planned_->shapes, i);
            addresses_.outputs[at(i)] = outputs_[o].data() + offset;
            addresses_.output_gradients[at(i)] = output_gradients_[o].data() + offset;
        }
    }
    void plan_values(planned_training& p, const plan_options& options, int height, int width) const {
        constexpr double most = 17179869184.0; // 64 GiB
        if (options.batch < 1)
            throw input_error("a batch of " + std::to_string(options.batch) + " images; expected at least 1");
        p.options = options;
        p.shapes = shapes_for(graph(), height, width);
        double floats = 0;
        for (const shape& s : p.shapes)
            floats += static_cast<double>(s.size()) * options.batch;
        if (floats > most)
            throw input_error("training with a batch of " + std::to_string(options.batch) + " would need memory for " +
                              std::to_string(floats) + " numbers; expected at most " + std::to_string(most));
        using planner = detail::training_planner<max_runtime_nodes>;
        p.plan = std::make_unique<planner>(graph(), program_.steps, p.shapes, options)->run();
        p.step_of_node.assign(graph().nodes.size(), -1);
        for (int s = 0; s < step_count(); ++s) {
            p.layers.push_back(
                training_layer_of(graph(), step_at(s), p.shapes, p.plan.values, options.batch));
            if (!dropout_)
                p.layers.back().dropout = 0;
            p.step_of_node[at(step_at(s).node)] = s;
        }
    }

    void call(training_kernel::call f, int s, const training_operands& o, executor& ex) const noexcept {
        if (f != nullptr)
            f(planned_->layers[at(s)], o, ex);
    }
    void call(training_kernel::range_call f, int s, const training_operands& o, image_range range,
              executor& ex) const noexcept {
        if (f != nullptr)
            f(planned_->layers[at(s)], o, range, ex);
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
                    probe_(s, false, range, calls_.forward(s).output, planned_->layers[at(s)].out);
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
        const backward_step& how = planned_->plan.backward[at(s)];
        if (how.recomputes_input)
            recompute(step_at(s).input, range, ex);
        if (how.recomputes_second)
            recompute(step_at(s).second, range, ex);
        if (how.recomputes_third)
            recompute(step_at(s).third, range, ex);
        call(kernel_at(s).backward, s, calls_.backward(s), range, ex);
        if (probe_)
            probe_(s, true, range, calls_.backward(s).input_gradient, planned_->layers[at(s)].in);
    }
    void recompute(node_id v, image_range range, executor& ex) const noexcept {
        const int s = planned_->plan.producers[at(v)];
        training_operands o = calls_.forward(s);
        o.output = addresses_.arena + planned_->plan.recomputed[at(v)].offset;
        call(kernel_at(s).forward, s, o, range, ex);
    }

    // A value that is also read elsewhere, or that no kernel writes without padding, is copied out at the end; the
    // gradient of such an output is copied in.
    void write_output(int part) const noexcept {
        const node_id v = graph().parts[at(part)].value;
        const memory_place& where = planned_->plan.values[at(v)];
        if (where.where != place::output)
            move_maps(where.where == place::input ? addresses_.images : addresses_.arena + where.offset,
                      batch_layout_of(graph(), planned_->shapes, v, where), addresses_.outputs[at(part)],
                      part_layout(part));
    }
    void read_output_gradient(int part) const noexcept {
        const node_id v = graph().parts[at(part)].value;
        const memory_place& where = planned_->plan.gradients[at(v)];
        if (where.where != place::arena)
            return;
        bool adds = false; // to an output's that came before
        for (int p = 0; p < part; ++p)
            adds = adds || graph().parts[at(p)].value == v;
        const batch_layout to = graph()[v].kind == op::input ? input_layout() : arena_layout(v);
        move_maps(addresses_.output_gradients[at(part)], part_layout(part), addresses_.arena + where.offset, to,
                  adds);
    }
    batch_layout dense_layout() const noexcept {
        return batch_layout_of(graph(), planned_->shapes, 0, {place::input, -1, 0});
    }
    batch_layout arena_layout(node_id v) const noexcept {
        return batch_layout_of(graph(), planned_->shapes, v, {place::arena, -1, 0});
    }
    batch_layout part_layout(int part) const noexcept {
        return batch_layout_of(graph(), planned_->shapes, graph().parts[at(part)].value, {place::output, part, 0});
    }
    // Copies or adds the maps of a batch from one layout to another; padding becomes zero or stays.
    void move_maps(const float* from, const batch_layout& in, float* to, const batch_layout& out,
                   bool adds = false) const noexcept {
        for (int n = 0; n < batch(); ++n)
            for (std::ptrdiff_t p = 0; p < in.map.pixels(); ++p) {
                const float* const source = from + n * in.image_stride + p * in.map.stride;
                float* const target = to + n * out.image_stride + p * out.map.stride;
                for (int c = 0; c < in.map.channels; ++c)
                    target[c] = source[c] + (adds ? target[c] : 0.0F);
                if (!adds)
                    std::fill(target + in.map.channels, target + out.map.stride, 0.0F);
            }
    }

    training_program_view program_;
    bool dropout_ = true;
    executor* executor_ = nullptr; // nullptr: the calling thread
    training_parameters parameters_;
    std::unique_ptr<planned_training> planned_;
    aligned_floats arena_;
    std::vector<aligned_floats> outputs_, output_gradients_;
    training_addresses addresses_;
    training_calls calls_;
    probe probe_;
};

FOVEA_ARCH_NAMESPACE_END
