// Reads tensors out of an unpickled checkpoint: what torch's _rebuild functions would make, checked and not
// carried out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "fovea/error.hpp"
#include "fovea/io/pickle_value.hpp"
#include "fovea/io/strided.hpp"
#include "fovea/io/torch_names.hpp"
#include "fovea/io/torch_rebuild.hpp"
#include "fovea/io/torch_storage.hpp"

namespace fovea::detail {

// Finds the tensors among the values of one pickle.
class torch_tensor_reader {
public:
    // Views may repeat elements (tied weights, expanded scalars); all tensors together may have four times as
    // many elements as the file has bytes, and a million more. A checkpoint of distinct tensors has at most
    // one a byte.
    torch_tensor_reader(const pickle& source, const storage_table& storages, std::size_t file_size,
                        std::string_view file)
        : source_(source), storages_(storages), file_(file),
          budget_((file_size > SIZE_MAX / 8 ? SIZE_MAX / 8 : file_size) * 4 + (std::size_t{1} << 20)) {}

    // Whether the value claims to be a dense tensor.
    bool is_tensor(const pickle_value& value) const { return tensor_call(source_, value).has_value(); }

    // Throws format_error, naming the key, when the tensor's numbers contradict each other or the file.
    tensor read(std::string_view key, const pickle_value& value) {
        key_ = key;
        const strided_tensor view = read_view(value, true);
        charge(view.count);
        return to_tensor(std::string(key), view);
    }

private:
    [[noreturn]] void fail(const std::string& what) const {
        throw format_error(std::string(file_) + ": tensor '" + std::string(key_) + "': " + what);
    }

    void charge(std::size_t elements) {
        if (elements > budget_)
            fail("the tensors have far more elements than the file has bytes");
        budget_ -= elements;
    }

    std::size_t integer(const pickle_value& value, const char* what) const {
        const auto* number = std::get_if<std::int64_t>(&value);
        if (!number || *number < 0)
            fail(std::string("expected ") + what + ", found " +
                 (number ? std::to_string(*number) : source_.describe(value)));
        return static_cast<std::size_t>(*number);
    }

    // A tuple of integers or a torch.Size of one.
    std::vector<std::size_t> integers(const pickle_value& value, const char* what) const {
        const pickle_object* found = source_.object(value);
        if (found && found->kind == pickle_kind::call && source_.qualified_name(value) == "torch.Size") {
            const pickle_object* arguments = source_.object(found->arguments);
            found = arguments && arguments->items.size() == 1 ? source_.object(arguments->items[0]) : nullptr;
        }
        if (!found || (found->kind != pickle_kind::tuple && found->kind != pickle_kind::list) ||
            found->items.size() > max_rank)
            fail(std::string("expected ") + what + " of at most 64 axes, found " + source_.describe(value));
        std::vector<std::size_t> numbers;
        for (const pickle_value& item : found->items)
            numbers.push_back(integer(item, what));
        return numbers;
    }

    // (storage, offset, size, stride, ...); the fifth argument of _rebuild_qtensor is a quantizer, the
    // seventh of _rebuild_tensor_v3 an element type.
    strided_tensor read_view(const pickle_value& value, bool may_be_quantized) {
        const auto call = tensor_call(source_, value);
        if (!call || call->arguments->size() < 4)
            fail("expected a tensor of a storage, an offset, a size and strides, found " +
                 source_.describe(value));
        const std::vector<pickle_value>& items = *call->arguments;
        strided_tensor view;
        std::size_t available = read_storage(items[0], view);
        if (call->function == "_rebuild_tensor_v3")
            available = retype(items.size() > 6 ? items[6] : pickle_value{}, view);
        view.offset = integer(items[1], "an offset");
        view.shape = integers(items[2], "a shape");
        view.strides = integers(items[3], "strides");
        const auto count = element_count(view.shape);
        if (!count || view.strides.size() != view.shape.size())
            fail("the shape " + shape_text(view.shape) + " with strides " + shape_text(view.strides) +
                 " is impossible");
        view.count = *count;
        if (!fits_storage(view, available))
            fail("the shape " + shape_text(view.shape) + " with strides " + shape_text(view.strides) +
                 " at offset " + std::to_string(view.offset) + " leaves its storage of " +
                 std::to_string(available) + " elements");
        if ((call->function == "_rebuild_qtensor") != is_quantized(view.type))
            fail("the storage's type " + std::string(dtype_name(view.type)) + " does not suit " +
                 std::string(call->function));
        if (is_quantized(view.type)) {
            if (!may_be_quantized || items.size() < 5)
                fail("expected a quantizer");
            read_quantizer(items[4], view);
        }
        return view;
    }

    // Sets type and storage and returns the number of elements.
    std::size_t read_storage(const pickle_value& value, strided_tensor& view) const {
        const auto id = read_storage_id(source_, value);
        if (!id)
            fail("expected a storage of a supported type, found " + source_.describe(value));
        const auto found = storages_.find(id->key);
        const auto bytes = checked_product(id->elements, element_size(id->type));
        if (found == storages_.end() || bytes != found->second.size())
            fail("expected " + std::to_string(id->elements) + " elements of " +
                 std::string(dtype_name(id->type)) + " in storage '" + std::string(id->key) + "', found " +
                 (found == storages_.end() ? "none" : std::to_string(found->second.size()) + " bytes"));
        view.type = id->type;
        view.storage =
            found->second.subspan(id->offset * element_size(id->type), id->visible * element_size(id->type));
        return id->visible;
    }

    // _rebuild_tensor_v3 names the type of an untyped storage.
    std::size_t retype(const pickle_value& value, strided_tensor& view) const {
        const pickle_object* global = source_.object(value, pickle_kind::global);
        const auto type = global ? torch_dtype(global->module, global->name) : std::nullopt;
        if (!type)
            fail("expected a supported element type, found " + source_.describe(value));
        view.type = *type;
        return view.storage.size() / element_size(*type);
    }

    // (torch.per_tensor_affine, scale, zero point) or (torch.per_channel_affine[_float_qparams], scales, zero
    // points, axis), where scales and zero points are tensors or lists.
    void read_quantizer(const pickle_value& value, strided_tensor& view) {
        const pickle_object* tuple = source_.object(value, pickle_kind::tuple);
        if (!tuple || tuple->items.size() < 3)
            fail("expected a quantizer, found " + source_.describe(value));
        const auto& items = tuple->items;
        const std::string scheme = source_.qualified_name(items[0]);
        quantization& quantizer = view.quantizer;
        if (scheme == "torch.per_tensor_affine") {
            quantizer.scales = {static_cast<float>(number(items[1]))};
            quantizer.zero_points = {number(items[2])};
            return;
        }
        if ((scheme != "torch.per_channel_affine" && scheme != "torch.per_channel_affine_float_qparams") ||
            items.size() < 4)
            fail("expected a quantizer of torch.per_tensor_affine or per_channel_affine, found " + scheme);
        quantizer.per_channel = true;
        quantizer.axis = integer(items[3], "the axis of the quantizer");
        for (double scale : numbers(items[1]))
            quantizer.scales.push_back(static_cast<float>(scale));
        quantizer.zero_points = numbers(items[2]);
        const std::size_t channels =
            quantizer.axis < view.shape.size() ? view.shape[quantizer.axis] : SIZE_MAX;
        if (quantizer.scales.size() != channels || quantizer.zero_points.size() != channels)
            fail("expected one scale and zero point for each index of axis " +
                 std::to_string(quantizer.axis) + " of " + shape_text(view.shape) + ", found " +
                 std::to_string(quantizer.scales.size()) + " and " +
                 std::to_string(quantizer.zero_points.size()));
    }

    double number(const pickle_value& value) const {
        if (const auto* real = std::get_if<double>(&value))
            return *real;
        if (const auto* whole = std::get_if<std::int64_t>(&value))
            return static_cast<double>(*whole);
        fail("expected a number, found " + source_.describe(value));
    }

    // A list of numbers, or a tensor of one axis.
    std::vector<double> numbers(const pickle_value& value) {
        std::vector<double> found;
        if (const pickle_object* list = source_.object(value, pickle_kind::list)) {
            charge(list->items.size());
            for (const pickle_value& item : list->items)
                found.push_back(number(item));
            return found;
        }
        const strided_tensor view = read_view(value, false);
        if (view.shape.size() != 1)
            fail("expected scales and zero points of one axis, found " + shape_text(view.shape));
        charge(view.count);
        with_stored_type(view.type, [&](auto stored) {
            using stored_type = decltype(stored);
            for (std::size_t i = 0; i < view.count; ++i)
                found.push_back(element_as<double, stored_type>(
                    view.type,
                    view.storage.data() + (view.offset + i * view.strides[0]) * sizeof(stored_type)));
        });
        return found;
    }

    const pickle& source_;
    const storage_table& storages_;
    std::string_view file_;
    std::string_view key_;
    std::size_t budget_;
};

} // namespace fovea::detail
