// A network ready to run: packed weights, planned memory and the loop over the program's kernels.
#pragma once

#include <fovea/kernels/simd/bytes.hpp>
#include <fovea/program/packed_weights.hpp>
#include <fovea/program/planned_network.hpp>
#include <fovea/program/program.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

FOVEA_ARCH_NAMESPACE_BEGIN

// Runs a program on float images. Construction and plan() allocate; forward() allocates nothing, takes no
// lock of its own, throws nothing and calls nothing of the system. Use one network a thread.
class network {
public:
    // Packs the weights and plans for one image of the graph's own size. Throws weights_error, and
    // input_error as plan() does.
    network(const program_view& program, const state_dict& weights, const load_options& options = {})
        : program_(program), packed_(program, weight_map(program.graph, weights, options)) {
        const shape input = program.graph[0].out;
        plan(1, input.height, input.width);
    }

    static constexpr std::size_t max_floats = max_network_floats;

    // Plans for batches of another size (images, height, width in pixels). Throws input_error when the
    // network cannot take it or would need more than max_floats, std::bad_alloc when memory runs out; the
    // network then stays as it was. With keep_values every value stays readable after forward(): see
    // for_each_value().
    void plan(int batch, int height, int width, bool keep_values = false) {
        plan_on(executor_, batch, height, width, keep_values);
    }

    // Runs on `ex` from now on; it stays the caller's and must outlive its use. Without it, in the calling
    // thread. Plans anew, as every worker has scratch memory of its own; throws as plan() does.
    void run_on(executor& ex) {
        plan_on(&ex, planned_.batch, input_shape().height, input_shape().width, planned_.keep_values);
    }

    // One forward pass of the planned batch. `images`: [batch, height, width, 3] floats, preprocessed.
    void forward(const float* images) noexcept {
        sequential_executor sequential;
        executor& ex = executor_ == nullptr ? sequential : *executor_;
        operands image;
        image.input = images;
        for (int n = 0; n < planned_.batch; ++n, image.input += planned_.shapes[0].size())
            run_image(image, n, ex);
    }
    // The same from [batch, height, width, 3] bytes, scaled as the first kernel reads them; what a
    // convolution pads them with stays zero. Throws input_error for a network of more than 4 input channels,
    // else nothing.
    void forward(const std::uint8_t* images, const pixel_scaling& scaling) {
        constexpr int most = static_cast<int>(std::tuple_size_v<decltype(scaling.scale)>);
        if (planned_.shapes[0].channels > most)
            throw input_error("bytes for a network of " + std::to_string(planned_.shapes[0].channels) +
                              " input channels; expected at most " + std::to_string(most));
        sequential_executor sequential;
        executor& ex = executor_ == nullptr ? sequential : *executor_;
        operands image;
        image.bytes = images;
        image.scaling = &scaling;
        for (int n = 0; n < planned_.batch; ++n, image.bytes += planned_.shapes[0].size())
            run_image(converted_.size() == 0 ? image : converted(image), n, ex);
    }

    // The executor of run_on(); nullptr for the calling thread.
    executor* runs_on() const noexcept { return executor_; }
    const program_view& program() const noexcept { return program_; }
    int batch() const noexcept { return planned_.batch; }
    shape input_shape() const noexcept { return planned_.shapes[0]; }
    // The shape of a node's value at the planned size.
    shape shape_of(node_id i) const noexcept { return planned_.shapes[static_cast<std::size_t>(i)]; }
    std::size_t packed_weight_bytes() const noexcept { return packed_.floats() * sizeof(float); }
    // Arena and scratch memory; outputs, and bytes as floats where the first kernel reads only those, are not
    // counted.
    std::size_t workspace_bytes() const noexcept { return arena_.size() * sizeof(float); }

    // Output i of all images, in the order of program().graph.outputs: [batch, output_floats(i)].
    span<const float> output(std::size_t i) const noexcept {
        return {outputs_[i].data(), outputs_[i].size()};
    }
    // Numbers of output i for one image.
    std::size_t output_floats(std::size_t i) const noexcept { return output_floats(i, planned_.shapes); }

    // Calls visit(node, map, layout) for each step's value of the last image that forward() ran, when the
    // plan kept values.
    template <class Visit>
    void for_each_value(Visit&& visit) const {
        for (std::size_t s = 0; s < program_.steps.size(); ++s)
            if (program_.steps[s].value >= 0)
                visit(program_.steps[s].value, calls_[s].output, planned_.layers[s].out);
    }
    // Runs step s of the last image once more, for measurements of single layers.
    void run_step(std::size_t s) const noexcept {
        sequential_executor sequential;
        program_.kernels[s].run(planned_.layers[s], calls_[s],
                                executor_ == nullptr ? sequential : *executor_);
    }
    const layer& layer_at(std::size_t s) const noexcept { return planned_.layers[s]; }

private:
    static std::size_t at(node_id i) noexcept { return static_cast<std::size_t>(i); }

    void plan_on(executor* ex, int batch, int height, int width, bool keep_values) {
        const int workers = ex == nullptr ? 1 : std::max(1, ex->concurrency());
        planned_network p = plan_network(program_, batch, height, width, keep_values, workers);
        aligned_floats arena(p.arena_floats), converted(p.converted_floats);
        std::vector<aligned_floats> outputs;
        for (std::size_t i = 0; i < program_.graph.outputs.size(); ++i)
            outputs.emplace_back(output_floats(i, p.shapes) * static_cast<std::size_t>(batch));
        calls_.resize(program_.steps.size());

        executor_ = ex; // nothing throws from here on
        planned_ = std::move(p);
        arena_ = std::move(arena);
        converted_ = std::move(converted);
        outputs_ = std::move(outputs);
        link();
    }
    std::size_t output_floats(std::size_t i, span<const shape> shapes) const noexcept {
        return fovea::output_floats(program_.graph, shapes, static_cast<int>(i));
    }
    // An image of bytes as floats.
    operands converted(const operands& image) noexcept {
        const shape s = planned_.shapes[0];
        const pixel_scaler scale(*image.scaling, s.channels);
        const int row = s.width * s.channels;
        for (std::ptrdiff_t y = 0; y < s.height; ++y)
            scale(image.bytes + y * row, row, converted_.data() + y * row);
        operands floats;
        floats.input = converted_.data();
        return floats;
    }
    // Addresses of everything that does not change from image to image; input and outputs follow in
    // run_image().
    void link() noexcept {
        const auto address = [&](node_id value) -> float* {
            return value < 0 || planned_.places[at(value)].where != place::arena
                       ? nullptr
                       : arena_.data() + planned_.places[at(value)].offset;
        };
        for (std::size_t s = 0; s < calls_.size(); ++s) {
            const step& p = program_.steps[s];
            calls_[s] = {
                address(p.input), address(p.gate),  address(p.residual), address(p.third),
                packed_.of(s),    address(p.value), address(p.pool),     arena_.data() + planned_.scratch_at};
        }
    }
    // Where output part `part` of image n begins.
    float* part_address(int part, int image) noexcept {
        const auto o = static_cast<std::size_t>(program_.graph.parts[static_cast<std::size_t>(part)].output);
        return outputs_[o].data() + static_cast<std::size_t>(image) * output_floats(o) +
               part_offset(program_.graph, planned_.shapes, part);
    }
    // `image`: input or bytes and scaling.
    void run_image(const operands& image, int n, executor& ex) noexcept {
        if (planned_.places[0].where == place::arena) {
            layer copy;
            copy.in = layout_of(planned_.shapes[0], {place::input, -1, 0});
            copy.out = layout_of(planned_.shapes[0], planned_.places[0]);
            operands o;
            o.input = image.input;
            o.output = arena_.data() + planned_.places[0].offset;
            copy_kernel::run(copy, o, ex);
        }
        for (std::size_t s = 0; s < calls_.size(); ++s) {
            const step& p = program_.steps[s];
            operands& call = calls_[s];
            if (planned_.places[at(p.input)].where == place::input) {
                call.input = image.input;
                call.bytes = image.bytes;
                call.scaling = image.scaling;
            }
            if (p.value < 0)
                call.output = part_address(p.output, n);
            else if (planned_.places[at(p.value)].where == place::output)
                call.output = part_address(planned_.places[at(p.value)].part, n);
            program_.kernels[s].run(planned_.layers[s], call, ex);
        }
    }

    program_view program_;
    executor* executor_ = nullptr; // nullptr: the calling thread
    packed_weights packed_;
    planned_network planned_;
    std::vector<operands> calls_; // by step
    aligned_floats arena_;
    aligned_floats converted_; // an image of bytes as floats; empty where the first kernel reads bytes
    std::vector<aligned_floats> outputs_;
};

FOVEA_ARCH_NAMESPACE_END
