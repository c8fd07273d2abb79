// From a model type and a weights file to something that runs.
#pragma once

#include <fovea/io/weights.hpp>
#include <fovea/program/weights.hpp>

#include <filesystem>

namespace fovea {

// A classifier or detector with the given weights. Throws weights_error listing every key that does not fit.
template <class Model>
typename Model::runner load(const state_dict& weights, const load_options& options = {}) {
    return Model::make(weights, options);
}

// The same from an official .pth or a .safetensors file. Throws io_error, format_error or weights_error, each
// beginning with the path.
template <class Model>
typename Model::runner load(const std::filesystem::path& path, const load_options& options = {}) {
    const state_dict weights = read_weights(path);
    try {
        return Model::make(weights, options);
    } catch (const weights_error& e) {
        throw weights_error(path.string() + ": " + e.what());
    }
}

// The same from a file in memory, for example one that fovea_embed_weights() put into the program.
template <class Model>
typename Model::runner load(span<const unsigned char> file, const load_options& options = {}) {
    return Model::make(read_weights(file, "embedded weights"), options);
}

} // namespace fovea
