// fovea run: a raw network, arrays in and arrays out.
#include "commands.hpp"
#include "load_engine.hpp"
#include "module_names.hpp"

#include <fovea/io/npy.hpp>

#include <CLI/CLI.hpp>

#include <cmath>
#include <map>

namespace fovea::cli {

namespace {

struct run_options {
    model_options model;
    std::string input, output;
    bool taps = false;
};

// Images as the network takes them.
struct image_batch {
    int count = 0, height = 0, width = 0;
    std::vector<float> nhwc;
};

// [N, 3, H, W] float32 to NHWC. Throws input_error that names what was expected and what was found.
image_batch read_batch(const std::string& path) {
    constexpr std::size_t channels = 3, largest_extent = 1 << 15;
    const npy_array array = read_npy(path);
    const std::string found =
        std::string(dtype_name(array.type)) + " " + fovea::detail::shape_text(array.shape);
    if (array.type != dtype::float32 || array.shape.size() != 4 || array.shape[1] != channels)
        throw input_error(path + ": expected float32 [N, 3, H, W], found " + found);
    for (std::size_t extent : array.shape)
        if (extent < 1 || extent > largest_extent)
            throw input_error(path + ": expected 1 to 32768 images, rows and columns, found " + found);
    const std::vector<float> nchw = array.values<float>();
    for (std::size_t i = 0; i < nchw.size(); ++i)
        if (!std::isfinite(nchw[i]))
            throw input_error(path + ": element " + std::to_string(i) +
                              " is NaN or infinite; expected finite numbers");
    const std::size_t pixels = array.shape[2] * array.shape[3];
    image_batch batch{static_cast<int>(array.shape[0]), static_cast<int>(array.shape[2]),
                      static_cast<int>(array.shape[3]), std::vector<float>(nchw.size())};
    for (std::size_t n = 0; n < array.shape[0]; ++n)
        for (std::size_t c = 0; c < channels; ++c)
            for (std::size_t i = 0; i < pixels; ++i)
                batch.nhwc[(n * pixels + i) * channels + c] = nchw[(n * channels + c) * pixels + i];
    return batch;
}

// Appends a map to NCHW numbers.
void append_map(std::vector<float>& nchw, const float* map, const map_layout& l) {
    for (int c = 0; c < l.channels; ++c)
        for (int i = 0; i < l.pixels(); ++i)
            nchw.push_back(map[static_cast<std::size_t>(i) * static_cast<std::size_t>(l.stride) +
                               static_cast<std::size_t>(c)]);
}

std::vector<std::size_t> nchw_shape(int images, int channels, int height, int width) {
    return {static_cast<std::size_t>(images), static_cast<std::size_t>(channels),
            static_cast<std::size_t>(height), static_cast<std::size_t>(width)};
}

// A map output of one part, NHWC inside, as NCHW.
void write_map(const std::filesystem::path& path, const engine& model, std::size_t output, int images) {
    const span<const float> numbers = model.output(output);
    for (const output_part& p : model.graph().parts)
        if (static_cast<std::size_t>(p.output) == output) {
            const shape s = model.shape_of(p.value);
            std::vector<float> nchw;
            for (int n = 0; n < images; ++n)
                append_map(nchw, numbers.data() + static_cast<std::size_t>(n) * s.size(),
                           {s.height, s.width, s.channels, s.channels});
            write_npy(path, nchw, nchw_shape(images, s.channels, s.height, s.width));
        }
}

void write_outputs(const std::filesystem::path& folder, const engine& model, int images) {
    const graph_view g = model.graph();
    for (std::size_t i = 0; i < g.outputs.size(); ++i) {
        const output& o = g.outputs[i];
        const auto path = folder / (std::string(o.name) + ".npy");
        const span<const float> numbers = model.output(i);
        const auto count = static_cast<std::size_t>(images);
        const auto row = static_cast<std::size_t>(o.row);
        if (o.arrangement == layout::map)
            write_map(path, model, i, images);
        else if (o.arrangement == layout::rows)
            write_npy(path, numbers, {count, numbers.size() / count / row, row});
        else
            write_npy(path, numbers, {count, numbers.size() / count});
    }
    std::vector<float> anchors;
    for (const box& b : model.default_boxes())
        anchors.insert(anchors.end(), {b.x1, b.y1, b.x2, b.y2});
    if (!anchors.empty())
        write_npy(folder / "anchors.npy", anchors, {anchors.size() / 4, 4});
}

// Every fused value as tap.<module>.npy, a detector's levels as feature.<level>.npy as well.
void write_taps(const std::filesystem::path& folder, engine& model, const image_batch& batch) {
    struct value {
        map_layout layout;
        std::vector<float> nchw;
    };
    std::map<node_id, value> values;
    model.plan(1, batch.height, batch.width, true);
    const std::size_t image_floats = batch.nhwc.size() / static_cast<std::size_t>(batch.count);
    for (int n = 0; n < batch.count; ++n) {
        model.forward(batch.nhwc.data() + static_cast<std::size_t>(n) * image_floats);
        model.for_each_value([&](node_id i, const float* map, const map_layout& l) {
            values[i].layout = l;
            append_map(values[i].nchw, map, l);
        });
    }
    const auto write = [&](const std::string& name, const value& v) {
        write_npy(folder / (name + ".npy"), v.nchw,
                  nchw_shape(batch.count, v.layout.channels, v.layout.height, v.layout.width));
    };
    const module_names names(model.graph());
    std::map<std::string, int> uses; // EfficientDet's heads use their layers at every level
    for (const auto& [node, v] : values) {
        const std::string name = names.of_value(node);
        const int use = ++uses[name];
        write("tap." + name + (use > 1 ? "@" + std::to_string(use) : ""), v);
    }
    const std::vector<node_id> levels = level_values(model.graph());
    for (std::size_t k = 0; k < levels.size(); ++k)
        if (const auto found = values.find(levels[k]); found != values.end())
            write("feature." + std::to_string(k), found->second);
}

void run_network(const run_options& o) {
    const image_batch batch = read_batch(o.input);
    model_options chosen = o.model;
    if (o.taps)
        chosen.fusion = fusion_level::layers; // blocks hide their inner maps
    const std::unique_ptr<engine> model = load_engine(chosen);
    model->plan(batch.count, batch.height, batch.width, false);
    model->forward(batch.nhwc.data());
    std::error_code code;
    std::filesystem::create_directories(o.output, code);
    if (code)
        throw io_error(o.output + ": " + code.message());
    write_outputs(o.output, *model, batch.count);
    if (o.taps)
        write_taps(o.output, *model, batch);
}

} // namespace

void add_run(CLI::App& app) {
    auto* command = app.add_subcommand("run", "Runs the raw network on an array");
    const auto o = std::make_shared<run_options>();
    add_table_options(*command, o->model);
    add_weight_options(*command, o->model);
    command->add_option("--input", o->input, "float32 [N, 3, H, W] .npy, preprocessed")->required();
    command->add_option("--output", o->output, "Folder for one .npy an output")->required();
    command->add_flag("--taps", o->taps, "Write every inner map as tap.<module>.npy too");
    command->callback([o] { run_network(*o); });
}

} // namespace fovea::cli
