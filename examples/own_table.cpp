// A network of one's own: a table, what the compiler knows about it, and the layers it became.
#include <fovea/fovea.hpp>

#include <cstdio>

namespace {

using fovea::activation;

// A quarter of MobileNetV3-Small, for 96 x 96 pixels and four classes.
constexpr fovea::tables::inverted_residual_v3 rows[] = {
    // in, kernel, expanded, out, squeeze-excite, activation, stride, dilation
    {16, 3, 16, 16, true, activation::relu, 2, 1},
    {16, 3, 72, 24, false, activation::relu, 2, 1},
    {24, 5, 96, 40, true, activation::hardswish, 2, 1},
};
constexpr auto table =
    fovea::tables::mobilenet_v3_small.with_rows(rows, 256).with_classes(4).with_input(96, 96);
using tiny = fovea::mobilenet_v3_small<table>;

static_assert(tiny::parameter_count < 150'000, "the budget of the device");
static_assert(tiny::workspace_bytes < 1'000'000);

} // namespace

int main() {
    const fovea::graph_view g = tiny::graph;
    for (const fovea::node& n : g.nodes)
        std::printf("%-28s %-20s %3d x %3d x %4d\n", fovea::full_name(g.names, n.name).str().c_str(),
                    std::string(name_of(n.kind)).c_str(), n.out.height, n.out.width, n.out.channels);
    std::printf("%lld parameters, %lld multiply-adds, %zu bytes of workspace\n",
                static_cast<long long>(tiny::parameter_count), static_cast<long long>(tiny::macs),
                tiny::workspace_bytes);
}
