// fovea info: a model's layers, parameters, MACs and bytes.
#include "commands.hpp"
#include "engine.hpp"
#include "json_file.hpp"

#include <fovea/graph/cost.hpp>

#include <CLI/CLI.hpp>

#include <cinttypes>
#include <cstdio>

namespace fovea::cli {

namespace {

struct info_options {
    model_options model;
    std::string json;
};

std::string text(shape s) {
    return std::to_string(s.height) + "x" + std::to_string(s.width) + "x" + std::to_string(s.channels);
}

// What a node does, with the numbers that its shape does not show: "conv2d 3x3/2 groups 16".
std::string operator_text(const node& n) {
    std::string name(n.kind == op::activate ? name_of(n.act) : name_of(n.kind));
    if (n.kind == op::conv2d) {
        name += " " + std::to_string(n.win.kernel_height) + "x" + std::to_string(n.win.kernel_width);
        if (n.win.stride_height > 1)
            name += "/" + std::to_string(n.win.stride_height);
        if (n.win.dilation > 1)
            name += " dilation " + std::to_string(n.win.dilation);
        if (n.groups > 1)
            name += n.groups == n.out.channels ? " depthwise" : " groups " + std::to_string(n.groups);
    }
    return name;
}

json layer_json(graph_view g, node_id i) {
    const node& n = g[i];
    std::int64_t parameters = 0;
    for_each_parameter(g, i,
                       [&](const parameter& p) { parameters += is_buffer(p.kind) ? 0 : p.dims.size(); });
    return {{"module", full_name(g.names, n.name).str()},
            {"operator", operator_text(n)},
            {"output", {n.out.height, n.out.width, n.out.channels}},
            {"parameters", parameters},
            {"macs", count_macs(g, i)}};
}

json output_json(const engine& model, std::size_t i) {
    const graph_view g = model.graph();
    const output& o = g.outputs[i];
    json shape = {1, model.output(i).size()};
    if (o.arrangement == layout::rows)
        shape = {1, model.output(i).size() / static_cast<std::size_t>(o.row), o.row};
    for (const output_part& p : g.parts)
        if (o.arrangement == layout::map && static_cast<std::size_t>(p.output) == i)
            shape = {1, g[p.value].out.channels, g[p.value].out.height, g[p.value].out.width};
    return {{"name", o.name}, {"shape", shape}};
}

json describe(const model_choice& choice, const engine& model) {
    const graph_view g = model.graph();
    json info = {{"model", choice.name},
                 {"task", name_of(choice.what)},
                 {"input", {1, 3, g[0].out.height, g[0].out.width}},
                 {"parameters", count_parameters(g)},
                 {"state_dict_entries", count_state_entries(g)},
                 {"macs", count_macs(g)},
                 {"parameter_bytes", 4 * count_parameters(g)},
                 {"packed_weight_bytes", model.packed_weight_bytes()},
                 {"workspace_bytes", model.workspace_bytes()},
                 {"arch", make_engine.arch()},
                 {"outputs", json::array()},
                 {"layers", json::array()}};
    for (std::size_t i = 0; i < g.outputs.size(); ++i)
        info["outputs"].push_back(output_json(model, i));
    for (node_id i = 1; i < g.size(); ++i)
        info["layers"].push_back(layer_json(g, i));
    return info;
}

void print_layers(graph_view g) {
    std::printf("%-58s %-24s %14s %11s %13s\n", "module", "operator", "output HxWxC", "parameters", "MACs");
    for (node_id i = 1; i < g.size(); ++i) {
        const json layer = layer_json(g, i);
        std::printf("%-58s %-24s %14s %11" PRId64 " %13" PRId64 "\n",
                    layer["module"].get<std::string>().c_str(), operator_text(g[i]).c_str(),
                    text(g[i].out).c_str(), layer["parameters"].get<std::int64_t>(),
                    layer["macs"].get<std::int64_t>());
    }
}

void print_totals(const json& info) {
    const auto number = [&](const char* key) { return info[key].get<std::int64_t>(); };
    const auto megabytes = [&](const char* key) { return static_cast<double>(number(key)) / 1e6; };
    std::printf("\n%s, %s\n", info["model"].get<std::string>().c_str(),
                info["task"].get<std::string>().c_str());
    std::printf("input       %s, NCHW\n", info["input"].dump().c_str());
    for (const json& o : info["outputs"])
        std::printf("output      %s %s\n", o["name"].get<std::string>().c_str(), o["shape"].dump().c_str());
    std::printf("parameters  %" PRId64 " in %" PRId64 " state-dict entries with buffers\n",
                number("parameters"), number("state_dict_entries"));
    std::printf("MACs        %" PRId64 " an image, convolutions and linear layers\n", number("macs"));
    std::printf("weights     %.2f MB, %.2f MB packed for %s\n", megabytes("parameter_bytes"),
                megabytes("packed_weight_bytes"), info["arch"].get<std::string>().c_str());
    std::printf("workspace   %.2f MB\n", megabytes("workspace_bytes"));
}

void run_info(const info_options& o) {
    const model_choice choice = choose(o.model);
    const std::unique_ptr<const engine> model = make_engine(choice, nullptr);
    const json info = describe(choice, *model);
    if (o.json != "-") {
        print_layers(model->graph());
        print_totals(info);
    }
    if (!o.json.empty())
        write_json(o.json, info);
}

} // namespace

void add_info(CLI::App& app) {
    auto* command = app.add_subcommand("info", "Shows a model's layers, parameters, MACs and bytes");
    const auto o = std::make_shared<info_options>();
    add_table_options(*command, o->model);
    command->add_option("--json", o->json, "Write it as JSON; - for standard output");
    command->callback([o] { run_info(*o); });
}

} // namespace fovea::cli
