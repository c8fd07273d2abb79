// Reads weights from any supported file, told apart by content: the front door of fovea's weight readers.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "fovea/io/byte_cursor.hpp"
#include "fovea/io/file.hpp"
#include "fovea/io/pth.hpp"
#include "fovea/io/safetensors.hpp"
#include "fovea/io/state_dict.hpp"

namespace fovea {

struct weights_options {
    std::string entry;  // .pth only: the dict to take of a checkpoint that wraps several, e.g. "model_ema"
    std::string prefix; // take the names that begin with it and cut it off; empty: "module." and "model." are
                        // cut off where all names carry them
};

namespace detail {

// Eight bytes of header length, then the header's brace, which no pickle and no zip archive has there.
inline bool is_safetensors(byte_span bytes) noexcept {
    return bytes.size() > 8 && bytes[8] == '{';
}

} // namespace detail

// The weights in a .safetensors or .pth file in memory; `file` names it in errors. Throws format_error.
inline state_dict read_weights(byte_span bytes, std::string_view file, const weights_options& options = {}) {
    if (bytes.empty())
        throw format_error(std::string(file) + ": the file is empty");
    state_dict weights =
        detail::is_safetensors(bytes) ? read_safetensors(bytes, file) : read_pth(bytes, file, options.entry);
    if (options.prefix.empty())
        return without_wrapper_prefixes(std::move(weights));
    state_dict kept = without_prefix(std::move(weights), options.prefix);
    if (kept.empty())
        throw format_error(std::string(file) + ": no name begins with '" + options.prefix + "'");
    return kept;
}

// The same of a file. Throws io_error or format_error.
inline state_dict read_weights(const std::filesystem::path& path, const weights_options& options = {}) {
    const file_bytes bytes = read_file(path);
    return read_weights(byte_span(bytes), path.string(), options);
}

} // namespace fovea
