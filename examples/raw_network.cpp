// The bare network with xtensor: NCHW numbers in, logits out, on two threads: raw_network WEIGHTS
#include <fovea/fovea.hpp>
#include <fovea/tensor/xtensor.hpp>

#include <algorithm>
#include <cstdio>
#include <xtensor/xrandom.hpp>
#include <xtensor/xview.hpp>

int main(int argc, char** argv) try {
    if (argc != 2)
        return std::fprintf(stderr, "usage: raw_network MOBILENET_V3_SMALL_WEIGHTS\n"), 2;
    auto model = fovea::load<fovea::mobilenet_v3_small<>>(argv[1]);
    fovea::thread_executor threads(2);
    model.network().run_on(threads);

    const xt::xtensor<float, 4> batch =
        xt::random::randn<float>({2, 3, 160, 192}); // any size: planned when it comes
    fovea::forward(model.network(), batch);
    const auto logits = fovea::output_of(model.network(), 0); // [2, 1000], no copy
    for (std::size_t image = 0; image < logits.shape()[0]; ++image) {
        const auto row = xt::row(logits, static_cast<std::ptrdiff_t>(image));
        const auto best = std::max_element(row.begin(), row.end()) - row.begin();
        std::printf("image %zu: %s\n", image, model.name(static_cast<int>(best)).c_str());
    }
} catch (const fovea::error& e) {
    return std::fprintf(stderr, "%s\n", e.what()), 1;
}
