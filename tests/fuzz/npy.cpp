// Fuzz target: any bytes as an .npy file. Only fovea's errors may come out.
#include <cstddef>
#include <cstdint>

#include <fovea/io/npy.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        (void)fovea::read_npy({data, size}, "fuzz").values<float>();
    } catch (const fovea::error&) {
    }
    return 0;
}
