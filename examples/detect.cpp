// Detects objects in a photo: detect WEIGHTS PHOTO
#include <fovea/fovea.hpp>
#include <fovea/io/image.hpp>

#include <cstdio>

int main(int, char** argv) {
    auto model = fovea::load<fovea::ssdlite320_mobilenet_v3_large<>>(argv[1]);
    model.set_score_threshold(0.3F);
    for (const auto& d : model.detect(fovea::read_image(argv[2])))
        std::printf("%-12s %.2f  %4.0f %4.0f %4.0f %4.0f\n", model.name(d).c_str(), d.score, d.box.x1,
                    d.box.y1, d.box.x2, d.box.y2);
}
