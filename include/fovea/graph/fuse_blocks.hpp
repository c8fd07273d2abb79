// The second fusion pass: the convolutions of an inverted residual become one step, so that the wide map
// between them never leaves the caches.
//
//     expand 1x1 -> depthwise -> project 1x1       one step, row by row
//     expand 1x1 -> depthwise [-> global pool]     one step; the pool is squeeze-excite's
//     depthwise -> project 1x1                     one step, row by row
//     nearest resize -> weighted sum               one step: BiFPN's way down, whose sums are of large maps
//
// The network's first convolution may be in an expansion's place. benchmarks/blocks times blocks beside their
// layers; docs/graph/fuse_blocks.md has the figures behind the rule.
#pragma once

#include <fovea/graph/fuse.hpp>

namespace fovea {

// How far steps are fused: every layer one step, or whole blocks as model types have them. With layers, every
// layer's value can be looked at.
enum class fusion_level : unsigned char { layers, blocks };

namespace detail {

// Square windows of 3 or 5 taps, stride 1 or 2, no dilation: the depthwise convolutions of the networks.
constexpr bool is_block_depthwise(graph_view g, const step& s) noexcept {
    if (s.node < 0 || s.residual >= 0 || g[s.node].kind != op::conv2d)
        return false;
    const node& n = g[s.node];
    const window& w = n.win;
    return n.groups == n.out.channels && n.groups == g[n.inputs[0]].out.channels && n.groups > 1 &&
           w.kernel_height == w.kernel_width && (w.kernel_width == 3 || w.kernel_width == 5) &&
           w.stride_height == w.stride_width && w.stride_width <= 2 && w.dilation == 1;
}
constexpr bool is_block_pointwise(graph_view g, const step& s) noexcept {
    return s.node >= 0 && s.gate < 0 && g[s.node].kind == op::conv2d && is_matrix_product(g[s.node]);
}

// The first convolution of the networks, 3x3 at stride 2 over three channels.
constexpr bool is_block_stem(graph_view g, const step& s) noexcept {
    if (s.node < 0 || g[s.node].kind != op::conv2d)
        return false;
    const node& n = g[s.node];
    const window& w = n.win;
    return n.groups == 1 && g[n.inputs[0]].out.channels == 3 && w.kernel_height == 3 && w.kernel_width == 3 &&
           w.stride_height == 2 && w.stride_width == 2 && w.dilation == 1;
}

// Floats of a projection's weights that may pass by once for every few rows.
inline constexpr int most_streamed_weights = 32768;
// Pixels of a depthwise map from which rows, not channels, are what is worked on together: smaller maps stay
// in the caches a block of channels at a time.
inline constexpr int least_row_fused_pixels = 24 * 24;

// Whether a projection runs row by row behind its depthwise convolution.
constexpr bool joins_projection(graph_view g, const step& depthwise, const step& project) noexcept {
    const shape in = g[depthwise.input].out, out = g[project.node].out;
    return in.height * in.width >= least_row_fused_pixels &&
           in.channels * out.channels <= most_streamed_weights;
}

template <std::size_t Capacity>
class block_fusion {
public:
    constexpr block_fusion(graph_view g, span<const step> steps) noexcept : g_(g), steps_(steps) {
        for (const step& s : steps)
            for (node_id x : {s.input, s.gate, s.residual, s.third})
                if (x >= 0)
                    ++reads_[at(x)];
        for (const output_part& p : g.parts)
            reads_[at(p.value)] += 2; // never a sole reader
    }

    constexpr step_list<Capacity> run() noexcept {
        step_list<Capacity> fused;
        for (std::size_t s = 0; s < steps_.size();)
            s = push_block(fused, s);
        return fused;
    }

private:
    static constexpr std::size_t at(node_id i) noexcept { return static_cast<std::size_t>(i); }
    static constexpr stage stage_of(const step& s) noexcept { return {s.node, s.norm, s.act}; }
    // Pushes the block that begins with step s, or the step alone; returns the step behind it.
    constexpr std::size_t push_block(step_list<Capacity>& fused, std::size_t s) noexcept {
        if (is_read_through(s)) {
            step sum = steps_[s + 1];
            sum.residual = steps_[s].input;
            sum.resized = steps_[s].node;
            fused.push(sum);
            return s + 2;
        }
        const bool residual = adds_stem(s), expanded = residual || expands(s);
        const std::size_t depthwise = s + (expanded ? 1 : 0);
        if (!is_depthwise(depthwise)) {
            fused.push(steps_[s]);
            return s + 1;
        }
        std::size_t last = depthwise;
        step block = steps_[depthwise];
        if (residual || projects(depthwise)) {
            block = steps_[++last];
            block.depthwise = stage_of(steps_[depthwise]);
            block.input = steps_[depthwise].input;
        } else if (pools(depthwise)) {
            block.pool = steps_[++last].value;
        }
        if (expanded) {
            block.expand = stage_of(steps_[s]);
            block.input = steps_[s].input;
        }
        if (residual) {
            block.residual = -1;
            block.adds_expanded = true;
        }
        fused.push(block);
        return last + 1;
    }
    constexpr bool is_depthwise(std::size_t s) const noexcept {
        return s < steps_.size() && is_block_depthwise(g_, steps_[s]);
    }
    // Step s is a pointwise or first convolution that only the depthwise step behind it reads.
    constexpr bool expands(std::size_t s) const noexcept {
        if (steps_[s].residual >= 0 || !is_depthwise(s + 1) || steps_[s + 1].input != steps_[s].value ||
            reads_[at(steps_[s].value)] != 1)
            return false;
        return is_block_pointwise(g_, steps_[s]) ||
               (is_block_stem(g_, steps_[s]) && g_[steps_[s + 1].node].win.kernel_width == 3);
    }
    // Step s is a first convolution that two read: the depthwise convolution behind it, and the projection
    // behind that as its residual (MobileNetV3's first block).
    constexpr bool adds_stem(std::size_t s) const noexcept {
        return is_block_stem(g_, steps_[s]) && steps_[s].residual < 0 && is_depthwise(s + 1) &&
               steps_[s + 1].input == steps_[s].value && g_[steps_[s + 1].node].win.kernel_width == 3 &&
               projects(s + 1) && steps_[s + 2].residual == steps_[s].value &&
               reads_[at(steps_[s].value)] == 2;
    }
    // The step behind depthwise step s is its projection, and no one else reads what s computes.
    constexpr bool projects(std::size_t s) const noexcept {
        return s + 1 < steps_.size() && is_block_pointwise(g_, steps_[s + 1]) &&
               steps_[s + 1].input == steps_[s].value && reads_[at(steps_[s].value)] == 1 &&
               joins_projection(g_, steps_[s], steps_[s + 1]);
    }
    // Step s is a resize to nearest neighbours that only the weighted sum behind it reads, as its second map.
    constexpr bool is_read_through(std::size_t s) const noexcept {
        if (s + 1 >= steps_.size() || steps_[s].node < 0 || steps_[s + 1].node < 0)
            return false;
        const node& resize = g_[steps_[s].node];
        return resize.kind == op::resize && resize.resize.mode == resize_method::mode_type::nearest &&
               g_[steps_[s + 1].node].kind == op::weighted_sum && steps_[s + 1].residual == steps_[s].value &&
               reads_[at(steps_[s].value)] == 1;
    }
    constexpr bool pools(std::size_t s) const noexcept {
        return s + 1 < steps_.size() && steps_[s + 1].node >= 0 &&
               g_[steps_[s + 1].node].kind == op::global_average_pool &&
               steps_[s + 1].input == steps_[s].value;
    }

    graph_view g_;
    span<const step> steps_;
    std::array<int, Capacity> reads_{};
};

} // namespace detail

// Steps as fuse() made them, with blocks joined. Capacity >= nodes + parts.
template <std::size_t Capacity>
constexpr step_list<Capacity> fuse_blocks(graph_view g, span<const step> steps) noexcept {
    return detail::block_fusion<Capacity>(g, steps).run();
}

} // namespace fovea
