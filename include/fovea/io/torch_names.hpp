// The names of Python that a file of weights may mention: storage types, element types and harmless calls.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "fovea/io/dtype.hpp"

namespace fovea::detail {

struct python_name {
    std::string_view module, name;
};

// Calls that torch, numpy and the standard library write into checkpoints to rebuild plain data. None is
// carried out; of these only the torch._utils and torch._tensor ones for dense tensors, OrderedDict and Size
// are understood, the others are opaque values that may stand beside the weights (an epoch's numpy score, a
// path, a date).
inline constexpr python_name harmless_calls[] = {
    {"torch._utils", "_rebuild_tensor"},
    {"torch._utils", "_rebuild_tensor_v2"},
    {"torch._utils", "_rebuild_tensor_v3"},
    {"torch._utils", "_rebuild_parameter"},
    {"torch._utils", "_rebuild_parameter_with_state"},
    {"torch._utils", "_rebuild_qtensor"},
    {"torch._utils", "_rebuild_sparse_tensor"},
    {"torch._tensor", "_rebuild_from_type"},
    {"torch._tensor", "_rebuild_from_type_v2"},
    {"torch.serialization", "_get_layout"},
    {"torch", "Size"},
    {"torch", "device"},
    {"collections", "OrderedDict"},
    {"collections", "defaultdict"},
    {"collections", "Counter"},
    {"collections", "deque"},
    {"builtins", "set"},
    {"builtins", "frozenset"},
    {"builtins", "slice"},
    {"builtins", "complex"},
    {"builtins", "bytes"},
    {"builtins", "bytearray"},
    {"builtins", "range"},
    {"builtins", "object"},
    {"__builtin__", "set"},
    {"__builtin__", "frozenset"},
    {"__builtin__", "slice"},
    {"__builtin__", "complex"},
    {"__builtin__", "bytes"},
    {"__builtin__", "bytearray"},
    {"__builtin__", "xrange"},
    {"__builtin__", "object"},
    {"_codecs", "encode"},
    {"copyreg", "_reconstructor"},
    {"copy_reg", "_reconstructor"},
    {"numpy", "dtype"},
    {"numpy.core.multiarray", "scalar"},
    {"numpy.core.multiarray", "_reconstruct"},
    {"numpy._core.multiarray", "scalar"},
    {"numpy._core.multiarray", "_reconstruct"},
    {"datetime", "datetime"},
    {"datetime", "date"},
    {"datetime", "timedelta"},
    {"pathlib", "PosixPath"},
    {"pathlib", "PurePosixPath"},
    {"pathlib", "WindowsPath"},
    {"pathlib", "PureWindowsPath"},
};

inline bool is_harmless_call(std::string_view module, std::string_view name) {
    for (const python_name& known : harmless_calls)
        if (known.module == module && known.name == name)
            return true;
    return false;
}

struct named_dtype {
    std::string_view name;
    dtype type;
};

// torch's classes of storages and what they hold; an untyped one holds bytes.
inline constexpr named_dtype storage_classes[] = {
    {"FloatStorage", dtype::float32},     {"DoubleStorage", dtype::float64}, {"HalfStorage", dtype::float16},
    {"BFloat16Storage", dtype::bfloat16}, {"ByteStorage", dtype::uint8},     {"CharStorage", dtype::int8},
    {"ShortStorage", dtype::int16},       {"IntStorage", dtype::int32},      {"LongStorage", dtype::int64},
    {"BoolStorage", dtype::boolean},      {"QInt8Storage", dtype::qint8},    {"QUInt8Storage", dtype::quint8},
    {"QInt32Storage", dtype::qint32},     {"UntypedStorage", dtype::uint8},
};

inline std::optional<dtype> storage_class(std::string_view module, std::string_view name) {
    if (module == "torch" || module == "torch.cuda" || module == "torch.storage")
        for (const named_dtype& known : storage_classes)
            if (known.name == name)
                return known.type;
    return std::nullopt;
}

// torch.float16 and so on, as _rebuild_tensor_v3 names them.
inline std::optional<dtype> torch_dtype(std::string_view module, std::string_view name) {
    for (std::size_t i = 0; module == "torch" && i < dtype_table.size(); ++i)
        if (dtype_table[i].name == name)
            return static_cast<dtype>(i);
    return std::nullopt;
}

} // namespace fovea::detail
