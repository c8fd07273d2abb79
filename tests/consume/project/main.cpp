// A user's program: a model's constants, an embedded file and, where its libraries are, reading images.
#include <fovea/fovea.hpp>
#ifdef WITH_IMAGE
#include <fovea/io/image.hpp>
#endif

#include "embedded_source.hpp"

#include <cstdio>

static_assert(fovea::mobilenet_v3_small<>::parameter_count == 2'542'856);

int main() {
    std::printf("fovea %d.%d.%d for %s\n", FOVEA_VERSION_MAJOR, FOVEA_VERSION_MINOR, FOVEA_VERSION_PATCH,
                fovea::arch_name);
#ifdef WITH_IMAGE
    try {
        const unsigned char bytes[] = {'P', '6', ' ', '1', ' ', '1', ' ', '2', '5', '5', '\n', 1, 2, 3};
        if (fovea::read_image(fovea::span<const unsigned char>(bytes), "pixel").pixels[2] != 3)
            return 1;
    } catch (const fovea::error& e) {
        std::puts(e.what());
        return 1;
    }
#endif
    return embedded_source().size() > 100 && embedded_source()[0] == '/' ? 0 : 1;
}
