// Fuzz target: any bytes as a checkpoint. Only fovea's errors may come out.
#include <cstddef>
#include <cstdint>

#include <fovea/io/pth.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        (void)fovea::read_pth({data, size}, "fuzz");
    } catch (const fovea::error&) {
    }
    return 0;
}
