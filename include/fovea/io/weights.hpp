// Reads weights from any supported file, told apart by content: the front door of fovea's weight readers.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "fovea/io/byte_cursor.hpp"
#include "fovea/io/checkpoint_names.hpp"
#include "fovea/io/file.hpp"
#include "fovea/io/pth.hpp"
#include "fovea/io/safetensors.hpp"
#include "fovea/io/state_dict.hpp"

namespace fovea {

struct weights_options {
    std::string entry; // the dict to take of a checkpoint that holds several: "model_ema" of a .pth, "ema" of
                       // a checkpoint of fovea
    std::string prefix; // take the names that begin with it and cut it off; empty: "module." and "model." are
                        // cut off where all names carry them
};

namespace detail {

// Eight bytes of header length, then the header's brace, which no pickle and no zip archive has there.
inline bool is_safetensors(byte_span bytes) noexcept {
    return bytes.size() > 8 && bytes[8] == '{';
}

// Of a checkpoint of training only the weights, or only the averaged ones; of other files everything.
inline state_dict weights_of(safetensors_file contents, std::string_view file, std::string_view entry) {
    if (contents.metadata.count(checkpoint_key) == 0) {
        if (!entry.empty())
            throw format_error(std::string(file) + ": expected a checkpoint with an entry '" +
                               std::string(entry) + "', found plain safetensors");
        return std::move(contents.tensors);
    }
    if (!entry.empty() && entry != "ema")
        throw format_error(std::string(file) + ": expected the entry 'ema' or none, not '" +
                           std::string(entry) + "'");
    if (entry == "ema") {
        state_dict averaged = without_prefix(std::move(contents.tensors), ema_prefix);
        if (averaged.empty())
            throw format_error(std::string(file) + ": the checkpoint has no averaged weights");
        return averaged;
    }
    state_dict weights;
    for (tensor& t : contents.tensors.release())
        if (!has_prefix(t.name, ema_prefix) && !has_prefix(t.name, optimizer_prefix))
            weights.insert(std::move(t));
    return weights;
}

} // namespace detail

// The weights in a .safetensors or .pth file in memory; `file` names it in errors. Throws format_error.
inline state_dict read_weights(byte_span bytes, std::string_view file, const weights_options& options = {}) {
    if (bytes.empty())
        throw format_error(std::string(file) + ": the file is empty");
    state_dict weights = detail::is_safetensors(bytes)
                             ? detail::weights_of(read_safetensors_file(bytes, file), file, options.entry)
                             : read_pth(bytes, file, options.entry);
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
