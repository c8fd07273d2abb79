// The shape list of the kernel benchmark: every distinct layer of the zoo's programs, straight from their
// graphs.
#pragma once

#include <fovea/fovea.hpp>
#include <fovea/models/zoo.hpp>

#include <boost/hana/for_each.hpp>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace fovea::benchmarks {

// A layer and where it occurs.
struct zoo_layer {
    layer geometry;
    kernel run;
    bool gated = false, residual = false;
    std::int64_t macs = 0;
    std::string module;              // the first that has it
    std::map<std::string, int> uses; // by model
};

inline bool same_map(const map_layout& a, const map_layout& b) {
    return a.height == b.height && a.width == b.width && a.channels == b.channels && a.stride == b.stride;
}

// The same work: kernel, geometry and operands.
inline bool same_layer(const zoo_layer& a, const zoo_layer& b) {
    const window &v = a.geometry.win, &w = b.geometry.win;
    return a.run.run == b.run.run && a.gated == b.gated && a.residual == b.residual &&
           a.geometry.act == b.geometry.act && a.geometry.groups == b.geometry.groups &&
           same_map(a.geometry.in, b.geometry.in) && same_map(a.geometry.out, b.geometry.out) &&
           v.kernel_height == w.kernel_height && v.kernel_width == w.kernel_width &&
           v.stride_height == w.stride_height && v.stride_width == w.stride_width &&
           v.dilation == w.dilation && v.pad_top == w.pad_top && v.pad_left == w.pad_left;
}

template <const auto& Table>
zoo_layer layer_of_step(std::size_t s) {
    using compiled = typename model<Table>::compiled;
    const step& p = compiled::steps[s];
    const graph_view g = compiled::view;
    zoo_layer l;
    l.geometry = fovea::layer_of(g, p, compiled::shapes, compiled::plan.values);
    l.run = model<Table>::program().kernels[s];
    l.gated = p.gate >= 0;
    l.residual = p.residual >= 0;
    l.module = p.node < 0 ? "(copy)" : full_name(g.names, g[p.node].name).str();
    l.macs = count_macs(g, p);
    return l;
}

// The distinct layers of one model of the zoo, or of all when `only` is empty, in the order of their first
// occurrence.
inline std::vector<zoo_layer> zoo_layers(const std::string& only) {
    std::vector<zoo_layer> layers;
    boost::hana::for_each(zoo, [&](const auto& entry) {
        using entry_type = std::decay_t<decltype(entry)>;
        const std::string name(entry.name);
        if (!only.empty() && name != only)
            return;
        for (std::size_t s = 0; s < model<entry_type::table>::program().steps.size(); ++s) {
            zoo_layer l = layer_of_step<entry_type::table>(s);
            const auto known = std::find_if(layers.begin(), layers.end(),
                                            [&](const zoo_layer& other) { return same_layer(l, other); });
            zoo_layer& found = known != layers.end() ? *known : layers.emplace_back(std::move(l));
            ++found.uses[name];
        }
    });
    return layers;
}

} // namespace fovea::benchmarks
