// Recognises the calls by which torch pickles a tensor, a Parameter or a subclass of Tensor.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "fovea/io/pickle_value.hpp"

namespace fovea::detail {

// A function of torch and its arguments. Nothing is called.
struct torch_call {
    std::string_view module, function;
    const std::vector<pickle_value>* arguments;
};

inline std::optional<torch_call> as_torch_call(const pickle& source, const pickle_value& function,
                                               const pickle_value& arguments) {
    const pickle_object* global = source.object(function, pickle_kind::global);
    const pickle_object* tuple = source.object(arguments, pickle_kind::tuple);
    if (!global || !tuple)
        return std::nullopt;
    return torch_call{global->module, global->name, &tuple->items};
}

inline std::optional<torch_call> as_torch_call(const pickle& source, const pickle_value& value) {
    const pickle_object* call = source.object(value, pickle_kind::call);
    return call ? as_torch_call(source, call->callee, call->arguments) : std::nullopt;
}

// What the call makes a Parameter of (data, ...) or a subclass of (function, class, arguments, ...).
inline std::optional<torch_call> wrapped_call(const pickle& source, const torch_call& call) {
    const std::vector<pickle_value>& arguments = *call.arguments;
    const bool parameter =
        call.module == "torch._utils" &&
        (call.function == "_rebuild_parameter" || call.function == "_rebuild_parameter_with_state");
    if (parameter && !arguments.empty())
        return as_torch_call(source, arguments[0]);
    const bool subclass = call.module == "torch._tensor" &&
                          (call.function == "_rebuild_from_type" || call.function == "_rebuild_from_type_v2");
    if (subclass && arguments.size() >= 3)
        return as_torch_call(source, arguments[0], arguments[2]);
    return std::nullopt;
}

// The call that makes the dense tensor that a value is or wraps; nothing for any other value.
inline std::optional<torch_call> tensor_call(const pickle& source, const pickle_value& value) {
    constexpr int deepest = 4; // a Parameter of a subclass of a tensor, and room to spare
    std::optional<torch_call> call = as_torch_call(source, value);
    for (int depth = 0; call && depth < deepest; ++depth) {
        for (std::string_view function :
             {"_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3", "_rebuild_qtensor"})
            if (call->module == "torch._utils" && call->function == function)
                return call;
        call = wrapped_call(source, *call);
    }
    return std::nullopt;
}

} // namespace fovea::detail
