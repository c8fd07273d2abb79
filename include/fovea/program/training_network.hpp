// A network in training: parameters, planned memory, both passes.
#pragma once

#include <fovea/program/training_passes.hpp>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

FOVEA_ARCH_NAMESPACE_BEGIN

// Computes the outputs of a batch and, from a loss's gradient with respect to them, the gradients of all
// parameters. Construction, plan() and run_on() allocate; forward() and backward() allocate nothing and throw
// nothing. The results are the same bits on any executor.
//     net.forward(images);               // [batch, height, width, 3], preprocessed
//     loss(net.output(0), ..., net.output_gradient(0));
//     net.parameters().zero_gradients(); // gradients add up otherwise
//     net.backward();
class training_network {
public:
    using plan_options = training_plan_options;
    using probe = training_probe;

    // For the graph's own input size, in the calling thread or on `ex`. All parameters are zero. Throws
    // input_error as plan() does.
    training_network(const training_program_view& program, const plan_options& options)
        : training_network(program, options, nullptr) {}
    training_network(const training_program_view& program, const plan_options& options, executor& ex)
        : training_network(program, options, &ex) {}

    // Plans for another batch or input size. Throws input_error when the network cannot take it,
    // std::bad_alloc when memory runs out; the network then stays as it was.
    void plan(const plan_options& options, int height, int width) {
        plan_on(executor_, options, height, width);
    }
    // Runs on `ex` from now on; it stays the caller's and must outlive its use. Throws as plan() does.
    void run_on(executor& ex) {
        plan_on(&ex, planned_->options, planned_->shapes[0].height, planned_->shapes[0].width);
    }

    // One forward pass in training mode. `images`: [batch, height, width, channels]; they must stay as they
    // are until backward() has run. `random`: the pass's number, from which dropout draws.
    void forward(const float* images, std::uint64_t random = 0) noexcept {
        parameters_.count_batch();
        addresses_.images = const_cast<float*>(images); // no kernel writes its input
        calls_.link(graph(), program_.steps, *planned_, parameters_, addresses_, program_.norm_momentum,
                    random);
        sequential_executor sequential;
        passes().forward(executor_ == nullptr ? sequential : *executor_);
    }

    // The gradients of all parameters, added to parameters().gradients(), from output_gradient(). Once after
    // each forward().
    void backward() noexcept {
        sequential_executor sequential;
        passes().backward(executor_ == nullptr ? sequential : *executor_);
    }

    training_parameters& parameters() noexcept { return parameters_; }
    const training_parameters& parameters() const noexcept { return parameters_; }

    // Output i of all images, [batch, output_floats(i)], and the place for a loss's gradient with respect to
    // it.
    span<const float> output(std::size_t i) const noexcept {
        return {outputs_[i].data(), outputs_[i].size()};
    }
    span<float> output_gradient(std::size_t i) noexcept {
        return {output_gradients_[i].data(), output_gradients_[i].size()};
    }
    // Numbers of output i for one image.
    std::size_t output_floats(std::size_t i) const noexcept {
        return fovea::output_floats(graph(), planned_->shapes, static_cast<int>(i));
    }
    // The gradient of the network's input where the plan asks for it, else empty: maps as input_layout() has
    // them.
    span<const float> input_gradient() const noexcept {
        const memory_place& where = planned_->plan.gradients[0];
        if (where.where != place::arena)
            return {};
        return {addresses_.arena + where.offset,
                at(batch()) * static_cast<std::size_t>(input_layout().image_stride)};
    }
    // Pixels are dense where the first kernels read them so, else their channels are padded.
    batch_layout input_layout() const noexcept {
        return batch_layout_of(graph(), planned_->shapes, 0, planned_->plan.values[0]);
    }
    // Whether dropout and stochastic depth drop anything; they do unless told otherwise.
    void set_dropout(bool on) noexcept {
        dropout_ = on;
        apply_dropout(*planned_);
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
    training_passes passes() const noexcept { return {program_, *planned_, addresses_, calls_, probe_}; }

    void apply_dropout(planned_training& p) const noexcept {
        for (std::size_t s = 0; s < p.layers.size(); ++s)
            p.layers[s].dropout = dropout_ ? graph()[program_.steps[s].node].dropout : 0.0F;
    }
    void plan_on(executor* ex, const plan_options& options, int height, int width) {
        auto p = plan_training_network(graph(), program_.steps, program_.kernels, options, height, width,
                                       ex == nullptr ? 1 : std::max(1, ex->concurrency()));
        apply_dropout(*p);
        aligned_floats arena(p->floats <= arena_.size() ? 0 : p->floats); // what there is may do
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
        for (int i = 0; i < static_cast<int>(graph().parts.size()); ++i) {
            const auto o = at(graph().parts[at(i)].output);
            const std::size_t offset = part_offset(graph(), planned_->shapes, i);
            addresses_.outputs[at(i)] = outputs_[o].data() + offset;
            addresses_.output_gradients[at(i)] = output_gradients_[o].data() + offset;
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
