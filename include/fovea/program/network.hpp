// A network ready to run: packed weights, planned memory and the loop over the program's kernels.
#pragma once

#include <fovea/kernels/simd/bytes.hpp>
#include <fovea/program/layers.hpp>
#include <fovea/program/memory.hpp>
#include <fovea/program/program.hpp>
#include <fovea/program/replan.hpp>
#include <fovea/program/weights.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

FOVEA_ARCH_NAMESPACE_BEGIN

// What a network is made of; a model type has it as constants, a graph built at run time owns it. Must
// outlive networks.
struct program_view {
    graph_view graph;
    span<const step> steps;
    span<const kernel> kernels; // one a step
};

// Runs a program on float images. Construction and plan() allocate; forward() allocates nothing, takes no
// lock of its own, throws nothing and calls nothing of the system. Use one network a thread.
class network {
public:
    // Packs the weights and plans for one image of the graph's own size. Throws weights_error, and
    // input_error as plan() does.
    network(const program_view& program, const state_dict& weights, const load_options& options = {})
        : program_(program) {
        pack(weight_map(program.graph, weights, options));
        const shape input = program.graph[0].out;
        plan(1, input.height, input.width);
    }

    // Floats of arena, scratch memory and outputs together that a network is planned for: 8 GiB.
    static constexpr std::size_t max_floats = std::size_t{1} << 31;

    // Plans for batches of another size (images, height, width in pixels). Throws input_error when the
    // network cannot take it or would need more than max_floats, std::bad_alloc when memory runs out; the
    // network then stays as it was. With keep_values every value stays readable after forward(): see
    // for_each_value().
    void plan(int batch, int height, int width, bool keep_values = false) {
        plan_on(executor_, batch, height, width, keep_values);
    }

    // Runs on `ex` from now on; it stays the caller's and must outlive its use. Without it, in the calling
    // thread. Plans anew, as every worker has scratch memory of its own; throws as plan() does.
    void run_on(executor& ex) { plan_on(&ex, batch_, shapes_[0].height, shapes_[0].width, keep_values_); }

    // One forward pass of the planned batch. `images`: [batch, height, width, 3] floats, preprocessed.
    void forward(const float* images) noexcept {
        sequential_executor sequential;
        executor& ex = executor_ == nullptr ? sequential : *executor_;
        operands image;
        image.input = images;
        for (int n = 0; n < batch_; ++n, image.input += shapes_[0].size())
            run_image(image, n, ex);
    }
    // The same from [batch, height, width, 3] bytes, scaled as the first kernel reads them; what a
    // convolution pads them with stays zero. Throws input_error for a network of more than 4 input channels,
    // else nothing.
    void forward(const std::uint8_t* images, const pixel_scaling& scaling) {
        constexpr int most = static_cast<int>(std::tuple_size_v<decltype(scaling.scale)>);
        if (shapes_[0].channels > most)
            throw input_error("bytes for a network of " + std::to_string(shapes_[0].channels) +
                              " input channels; expected at most " + std::to_string(most));
        sequential_executor sequential;
        executor& ex = executor_ == nullptr ? sequential : *executor_;
        operands image;
        image.bytes = images;
        image.scaling = &scaling;
        for (int n = 0; n < batch_; ++n, image.bytes += shapes_[0].size())
            run_image(converted_.size() == 0 ? image : converted(image), n, ex);
    }

    // The executor of run_on(); nullptr for the calling thread.
    executor* runs_on() const noexcept { return executor_; }
    const program_view& program() const noexcept { return program_; }
    int batch() const noexcept { return batch_; }
    shape input_shape() const noexcept { return shapes_[0]; }
    // The shape of a node's value at the planned size.
    shape shape_of(node_id i) const noexcept { return shapes_[static_cast<std::size_t>(i)]; }
    std::size_t packed_weight_bytes() const noexcept { return packed_.size() * sizeof(float); }
    // Arena and scratch memory; outputs, and bytes as floats where the first kernel reads only those, are not
    // counted.
    std::size_t workspace_bytes() const noexcept { return arena_.size() * sizeof(float); }

    // Output i of all images, in the order of program().graph.outputs: [batch, output_floats(i)].
    span<const float> output(std::size_t i) const noexcept {
        return {outputs_[i].data(), outputs_[i].size()};
    }
    // Numbers of output i for one image.
    std::size_t output_floats(std::size_t i) const noexcept { return output_floats(i, shapes_); }

    // Calls visit(node, map, layout) for each step's value of the last image that forward() ran, when the
    // plan kept values.
    template <class Visit>
    void for_each_value(Visit&& visit) const {
        for (std::size_t s = 0; s < program_.steps.size(); ++s)
            if (program_.steps[s].value >= 0)
                visit(program_.steps[s].value, calls_[s].output, layers_[s].out);
    }
    // Runs step s of the last image once more, for measurements of single layers.
    void run_step(std::size_t s) const noexcept {
        sequential_executor sequential;
        program_.kernels[s].run(layers_[s], calls_[s], executor_ == nullptr ? sequential : *executor_);
    }
    const layer& layer_at(std::size_t s) const noexcept { return layers_[s]; }

private:
    static std::size_t at(node_id i) noexcept { return static_cast<std::size_t>(i); }

    void pack(const weight_map& weights) {
        std::size_t floats = 0;
        for (std::size_t s = 0; s < program_.steps.size(); ++s) {
            weight_offsets_.push_back(floats);
            floats += whole_cache_lines(
                program_.kernels[s].packed_floats(layer_channels(program_.graph, program_.steps[s])));
        }
        packed_.resize(floats);
        for (std::size_t s = 0; s < program_.steps.size(); ++s) {
            const layer l = layer_channels(program_.graph, program_.steps[s]);
            if (program_.kernels[s].packed_floats(l) == 0)
                continue;
            pack_step(weights, s, l);
        }
    }
    // Folds the layers of step s, first to last, and packs them.
    void pack_step(const weight_map& weights, std::size_t s, const layer& l) {
        const step& p = program_.steps[s];
        const folded_layer own = weights.fold(p);
        const folded_layer depthwise = p.depthwise.node < 0 ? folded_layer{} : weights.fold(p.depthwise);
        const folded_layer expand = p.expand.node < 0 ? folded_layer{} : weights.fold(p.expand);
        const folded_weights first{expand.weight, expand.bias};
        const folded_weights second{depthwise.weight, depthwise.bias, &first};
        program_.kernels[s].pack(l, {own.weight, own.bias, p.depthwise.node < 0 ? &first : &second},
                                 packed_.data() + weight_offsets_[s]);
    }
    void plan_on(executor* ex, int batch, int height, int width, bool keep_values) {
        if (batch < 1)
            throw input_error("a batch of " + std::to_string(batch) + " images; expected at least 1");
        auto p = plan_for(program_.graph, program_.steps, height, width, keep_values);
        std::vector<layer> layers;
        for (const step& s : program_.steps)
            layers.push_back(fovea::layer_of(program_.graph, s, p.shapes, p.places));

        const int workers = ex == nullptr ? 1 : std::max(1, ex->concurrency());
        const std::size_t arena_size = sum_below_limit(p.floats, scratch_floats(layers), workers);
        const std::size_t converted_size = reads_bytes(p.places) ? 0 : p.shapes[0].size();
        std::size_t floats = sum_below_limit(arena_size, converted_size, 1);
        for (std::size_t i = 0; i < program_.graph.outputs.size(); ++i)
            floats = sum_below_limit(floats, output_floats(i, p.shapes), batch);
        aligned_floats arena(arena_size), converted(converted_size);
        std::vector<aligned_floats> outputs;
        for (std::size_t i = 0; i < program_.graph.outputs.size(); ++i)
            outputs.emplace_back(output_floats(i, p.shapes) * static_cast<std::size_t>(batch));
        calls_.resize(program_.steps.size());

        executor_ = ex; // nothing throws from here on
        batch_ = batch;
        keep_values_ = keep_values;
        shapes_ = std::move(p.shapes);
        places_ = std::move(p.places);
        layers_ = std::move(layers);
        scratch_at_ = p.floats;
        arena_ = std::move(arena);
        converted_ = std::move(converted);
        outputs_ = std::move(outputs);
        link();
    }
    // floats + count * each, count > 0, without overflow. Throws input_error above max_floats.
    static std::size_t sum_below_limit(std::size_t floats, std::size_t each, int count) {
        const auto n = static_cast<std::size_t>(count);
        if (floats > max_floats || each > (max_floats - floats) / n)
            throw input_error("the network would need memory for " + std::to_string(floats) + " + " +
                              std::to_string(n) + " * " + std::to_string(each) +
                              " numbers at this size, batch and number of workers; expected at most " +
                              std::to_string(max_floats));
        return floats + n * each;
    }
    std::size_t output_floats(std::size_t i, span<const shape> shapes) const noexcept {
        std::size_t floats = 0;
        for (const output_part& p : program_.graph.parts)
            if (static_cast<std::size_t>(p.output) == i)
                floats += shapes[at(p.value)].size();
        return floats;
    }
    // Whether every kernel that reads the image takes bytes.
    bool reads_bytes(span<const memory_place> places) const noexcept {
        bool all = places[0].where == place::input;
        for (std::size_t s = 0; s < program_.steps.size(); ++s)
            all = all && (program_.steps[s].input != 0 || program_.kernels[s].reads_bytes);
        return all;
    }
    // An image of bytes as floats.
    operands converted(const operands& image) noexcept {
        const shape s = shapes_[0];
        const pixel_scaler scale(*image.scaling, s.channels);
        const int row = s.width * s.channels;
        for (std::ptrdiff_t y = 0; y < s.height; ++y)
            scale(image.bytes + y * row, row, converted_.data() + y * row);
        operands floats;
        floats.input = converted_.data();
        return floats;
    }
    // Of one worker.
    std::size_t scratch_floats(span<const layer> layers) const noexcept {
        std::size_t floats = 0;
        for (std::size_t s = 0; s < layers.size(); ++s)
            floats =
                std::max(floats, program_.kernels[s].scratch_floats(layers[s], program_.steps[s].gate >= 0));
        return whole_cache_lines(floats);
    }
    // Addresses of everything that does not change from image to image; input and outputs follow in
    // run_image().
    void link() noexcept {
        const auto address = [&](node_id value) -> float* {
            return value < 0 || places_[at(value)].where != place::arena
                       ? nullptr
                       : arena_.data() + places_[at(value)].offset;
        };
        for (std::size_t s = 0; s < calls_.size(); ++s) {
            const step& p = program_.steps[s];
            calls_[s] = {address(p.input),           address(p.gate),
                         address(p.residual),        address(p.third),
                         packed_.data() + weight_offsets_[s],
                         address(p.value),           address(p.pool),
                         arena_.data() + scratch_at_};
        }
    }
    // Where output part `p` of image n begins.
    float* part_address(int part, int image) noexcept {
        const output_part& p = program_.graph.parts[static_cast<std::size_t>(part)];
        std::size_t offset = 0;
        for (int i = 0; i < part; ++i)
            if (program_.graph.parts[static_cast<std::size_t>(i)].output == p.output)
                offset += shape_of(program_.graph.parts[static_cast<std::size_t>(i)].value).size();
        const auto o = static_cast<std::size_t>(p.output);
        return outputs_[o].data() +
               static_cast<std::size_t>(image) * (outputs_[o].size() / static_cast<std::size_t>(batch_)) +
               offset;
    }
    // `image`: input or bytes and scaling.
    void run_image(const operands& image, int n, executor& ex) noexcept {
        if (places_[0].where == place::arena) {
            layer copy;
            copy.in = layout_of(shapes_[0], {place::input, -1, 0});
            copy.out = layout_of(shapes_[0], places_[0]);
            operands o;
            o.input = image.input;
            o.output = arena_.data() + places_[0].offset;
            copy_kernel::run(copy, o, ex);
        }
        for (std::size_t s = 0; s < calls_.size(); ++s) {
            const step& p = program_.steps[s];
            operands& call = calls_[s];
            if (places_[at(p.input)].where == place::input) {
                call.input = image.input;
                call.bytes = image.bytes;
                call.scaling = image.scaling;
            }
            if (p.value < 0)
                call.output = part_address(p.output, n);
            else if (places_[at(p.value)].where == place::output)
                call.output = part_address(places_[at(p.value)].part, n);
            program_.kernels[s].run(layers_[s], call, ex);
        }
    }

    program_view program_;
    executor* executor_ = nullptr; // nullptr: the calling thread
    int batch_ = 0;
    bool keep_values_ = false;
    aligned_floats packed_;
    std::vector<std::size_t> weight_offsets_; // by step
    std::vector<shape> shapes_;               // by node
    std::vector<memory_place> places_;        // by node
    std::vector<layer> layers_;               // by step
    std::vector<operands> calls_;             // by step
    std::size_t scratch_at_ = 0;
    aligned_floats arena_;
    aligned_floats converted_; // an image of bytes as floats; empty where the first kernel reads bytes
    std::vector<aligned_floats> outputs_;
};

FOVEA_ARCH_NAMESPACE_END
