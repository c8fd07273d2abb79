// Names what is in a photo: classify WEIGHTS PHOTO
#include <fovea/fovea.hpp>
#include <fovea/io/image.hpp>

#include <cstdio>

int main(int argc, char** argv) try {
    if (argc != 3)
        return std::fprintf(stderr, "usage: classify MOBILENET_V3_SMALL_WEIGHTS PHOTO\n"), 2;
    auto model = fovea::load<fovea::mobilenet_v3_small<>>(argv[1]);
    for (const auto& c : model.classify(fovea::read_image(argv[2]), 3))
        std::printf("%-20s %.3f\n", model.name(c.label).c_str(), c.score);
} catch (const fovea::error& e) {
    return std::fprintf(stderr, "%s\n", e.what()), 1;
}
