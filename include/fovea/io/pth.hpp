// Reads PyTorch checkpoints (.pth, .pt): the official weights as they are published.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "fovea/io/byte_cursor.hpp"
#include "fovea/io/file.hpp"
#include "fovea/io/pth_container.hpp"
#include "fovea/io/state_dict.hpp"
#include "fovea/io/torch_tensor.hpp"

namespace fovea {
namespace detail {

// Finds the state dict inside of a checkpoint.
class state_dict_finder {
public:
    state_dict_finder(const pickle& source, const torch_tensor_reader& tensors, std::string_view file)
        : source_(source), tensors_(tensors), file_(file) {}

    // Key, value, key, value, ... of the dict that holds tensors: the one at `entry`, or else the top one
    // after following the names that training scripts wrap state dicts in.
    std::vector<pickle_value> find(std::string_view entry) const {
        pickle_value current = source_.top;
        if (!entry.empty()) {
            const auto named = item(current, entry);
            if (!named)
                fail("the checkpoint has no entry '" + std::string(entry) + "'");
            current = *named;
        }
        constexpr int deepest = 8; // far more wrappers than anybody nests
        for (int depth = 0; depth < deepest; ++depth) {
            const auto inner = wrapped(current);
            if (!inner)
                return tensors_of(current);
            current = *inner;
        }
        fail("state dicts nested more than 8 deep");
    }

private:
    [[noreturn]] void fail(const std::string& what) const {
        throw format_error(std::string(file_) + ": " + what);
    }

    bool is_dict(const pickle_value& value) const {
        return source_.object(value, pickle_kind::dict) ||
               (source_.object(value, pickle_kind::call) && is_dict_class(source_.qualified_name(value)));
    }

    static bool is_dict_class(const std::string& name) {
        return name == "collections.OrderedDict" || name == "collections.defaultdict";
    }

    // Of a dict. Python 2 gave OrderedDict its items as an argument: a list of [key, value] pairs.
    std::vector<pickle_value> items(const pickle_value& dict) const {
        const pickle_object& object = *source_.object(dict);
        std::vector<pickle_value> found;
        if (source_.qualified_name(dict) == "collections.OrderedDict")
            if (const pickle_object* arguments = source_.object(object.arguments);
                arguments && arguments->items.size() == 1)
                if (const pickle_object* pairs = source_.object(arguments->items[0], pickle_kind::list))
                    for (const pickle_value& pair : pairs->items)
                        if (const pickle_object* both = source_.object(pair); both && both->items.size() == 2)
                            found.insert(found.end(), both->items.begin(), both->items.end());
        found.insert(found.end(), object.items.begin(), object.items.end());
        return found;
    }

    std::optional<pickle_value> item(const pickle_value& dict, std::string_view wanted) const {
        if (!is_dict(dict))
            return std::nullopt;
        const std::vector<pickle_value> found = items(dict);
        for (std::size_t i = 0; i + 1 < found.size(); i += 2)
            if (const auto* key = std::get_if<std::string_view>(&found[i]); key && *key == wanted)
                return found[i + 1];
        return std::nullopt;
    }

    std::optional<pickle_value> wrapped(const pickle_value& dict) const {
        for (std::string_view wrapper : {"state_dict", "model_state_dict", "model", "model_ema", "module"})
            if (const auto inner = item(dict, wrapper); inner && is_dict(*inner))
                return inner;
        return std::nullopt;
    }

    std::vector<pickle_value> tensors_of(const pickle_value& dict) const {
        if (!is_dict(dict))
            fail("expected a dict of tensors, found " + source_.describe(dict) +
                 "; save the model's state_dict()");
        const std::vector<pickle_value> all = items(dict);
        std::vector<pickle_value> found;
        for (std::size_t i = 0; i + 1 < all.size(); i += 2)
            if (std::holds_alternative<std::string_view>(all[i]) && tensors_.is_tensor(all[i + 1]))
                found.insert(found.end(), {all[i], all[i + 1]});
        if (found.empty())
            fail("the checkpoint holds no dict of tensors");
        return found;
    }

    const pickle& source_;
    const torch_tensor_reader& tensors_;
    std::string_view file_;
};

} // namespace detail

// The state dict in a checkpoint in memory; `file` names it in errors. A checkpoint that wraps state dicts
// gives the first of state_dict, model_state_dict, model, model_ema, module, at any depth; `entry` names
// another one, e.g. "model_ema". Names come as they are in the file. Quantised tensors are dequantised;
// entries that are not dense tensors are left out. Nothing in the file is run. Throws format_error. Source of
// the format: torch/serialization.py, torch/_utils.py.
inline state_dict read_pth(byte_span bytes, std::string_view file, std::string_view entry = {}) {
    const detail::checkpoint found = detail::read_checkpoint(bytes, file);
    detail::torch_tensor_reader tensors(found.description, found.storages, bytes.size(), file);
    const auto items = detail::state_dict_finder(found.description, tensors, file).find(entry);
    state_dict weights;
    for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
        tensor value = tensors.read(std::get<std::string_view>(items[i]), items[i + 1]);
        if (weights.contains(value.name))
            throw format_error(std::string(file) + ": the key '" + value.name + "' occurs twice");
        weights.insert(std::move(value));
    }
    return weights;
}

// The same of a file. Throws io_error or format_error.
inline state_dict read_pth(const std::filesystem::path& path, std::string_view entry = {}) {
    const file_bytes bytes = read_file(path);
    return read_pth(byte_span(bytes), path.string(), entry);
}

} // namespace fovea
