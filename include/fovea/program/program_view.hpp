// What a network is made of, whoever owns it.
#pragma once

#include <fovea/arch.hpp>
#include <fovea/graph/fuse.hpp>
#include <fovea/kernels/layer.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

// A model type has it as constants, a graph built at run time owns it. Must outlive networks.
struct program_view {
    graph_view graph;
    span<const step> steps;
    span<const kernel> kernels; // one a step
};

FOVEA_ARCH_NAMESPACE_END
