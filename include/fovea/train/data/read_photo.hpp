// The loaders' reader of photo files: needs libjpeg and libpng (CMake target fovea::image).
#pragma once

#include <fovea/io/image.hpp>
#include <fovea/preprocess/image.hpp>

#include <string>

namespace fovea {

// A photo_reader: JPEG, PNG, BMP or binary PNM. Throws io_error or format_error that names the file.
inline image read_photo(const std::string& path) {
    return read_image(std::filesystem::path(path));
}

} // namespace fovea
