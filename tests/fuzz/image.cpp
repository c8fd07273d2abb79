// Fuzz target: picture bytes of any format give a picture or a format_error.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include <fovea/error.hpp>
#include <fovea/io/image.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // Small pictures find the same faults as large ones, and more of them a second.
    constexpr fovea::image_limits limits{std::size_t{1} << 18};
    try {
        const fovea::image picture = fovea::read_image(fovea::byte_span(data, size), "fuzz", limits);
        if (picture.width == 0 || picture.pixels.size() != 3 * picture.width * picture.height)
            std::abort();
    } catch (const fovea::format_error&) {
    }
    return 0;
}
