// What a pickle describes, as inert data: values, and objects that values refer to by number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace fovea::detail {

// The number of an object in its pickle. Objects may be shared and may contain each other in circles; holding
// them by number makes both harmless.
struct pickle_ref {
    std::uint32_t index = 0;
};

struct pickle_none {};

// Text and bytes are views into the pickle and the same to us (Python 2 does not tell them apart). So are
// integers beyond 64 bits: their bytes or digits.
using pickle_value = std::variant<pickle_none, bool, std::int64_t, double, std::string_view, pickle_ref>;

enum class pickle_kind : std::uint8_t {
    tuple,
    list,       // also sets
    dict,       // items are key, value, key, value, ...
    global,     // a name of Python: module and name
    call,       // callee(arguments), not carried out; items are what was appended to or set in the result
    instance,   // an object of class callee, made from arguments and without a call; items as above
    persistent, // arguments is the identifier of something kept outside of the pickle: a storage
};

struct pickle_object {
    pickle_kind kind;
    std::vector<pickle_value> items;
    std::string_view module, name; // of a global
    pickle_value callee, arguments;
};

// One pickle: its objects and the value at its top.
class pickle {
public:
    pickle_ref add(pickle_kind kind, std::vector<pickle_value> items = {}) {
        objects_.push_back({kind, std::move(items), {}, {}, {}, {}});
        return {static_cast<std::uint32_t>(objects_.size() - 1)};
    }

    pickle_object& operator[](pickle_ref ref) { return objects_[ref.index]; }
    const pickle_object& operator[](pickle_ref ref) const { return objects_[ref.index]; }
    const std::deque<pickle_object>& objects() const noexcept { return objects_; }

    // The object that a value refers to, or nullptr.
    const pickle_object* object(const pickle_value& value) const {
        const auto* ref = std::get_if<pickle_ref>(&value);
        return ref ? &objects_[ref->index] : nullptr;
    }

    // The same, if it is of that kind.
    const pickle_object* object(const pickle_value& value, pickle_kind kind) const {
        const pickle_object* found = object(value);
        return found && found->kind == kind ? found : nullptr;
    }

    // "module.name" of a global, or of the class or function that an object is an instance, the storage or
    // the result of; otherwise empty.
    std::string qualified_name(const pickle_value& value) const {
        const pickle_object* found = object(value);
        if (found && (found->kind == pickle_kind::call || found->kind == pickle_kind::instance))
            found = object(found->callee);
        if (found &&
            found->kind == pickle_kind::persistent) { // (tag, class, ...), as torch identifies all it keeps
            const pickle_object* id = object(found->arguments, pickle_kind::tuple);
            found = id && id->items.size() > 1 ? object(id->items[1]) : nullptr;
        }
        if (!found || found->kind != pickle_kind::global)
            return {};
        return std::string(found->module) + "." + std::string(found->name);
    }

    // What a value is, for messages: "an integer", "a list", "an object of the class argparse.Namespace".
    std::string describe(const pickle_value& value) const {
        constexpr const char* plain[] = {"None", "a boolean", "an integer", "a number", "text"};
        if (const pickle_object* found = object(value)) {
            switch (found->kind) {
            case pickle_kind::tuple:
                return "a tuple";
            case pickle_kind::list:
                return "a list";
            case pickle_kind::dict:
                return "a dict";
            case pickle_kind::persistent:
                return "a " + qualified_name(value);
            case pickle_kind::global:
                return "the name " + qualified_name(value);
            case pickle_kind::call:
                return "the result of " + qualified_name(value);
            case pickle_kind::instance:
                break;
            }
            return "an object of the class " + qualified_name(value);
        }
        return plain[value.index()];
    }

    pickle_value top;

private:
    std::deque<pickle_object> objects_;
};

} // namespace fovea::detail
