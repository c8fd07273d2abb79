// The two containers of torch.save: each gives the pickle that describes a checkpoint and the bytes of its
// storages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>

#include "fovea/io/byte_cursor.hpp"
#include "fovea/io/pickle.hpp"
#include "fovea/io/shape.hpp"
#include "fovea/io/torch_names.hpp"
#include "fovea/io/torch_storage.hpp"
#include "fovea/io/zip.hpp"

namespace fovea::detail {

struct checkpoint {
    pickle description;
    storage_table storages; // views into the file's bytes
};

[[noreturn]] inline void fail_pth(std::string_view file, const std::string& what) {
    throw format_error(std::string(file) + ": " + what);
}

// The zip container (torch 1.6 and later): <name>/data.pkl, <name>/data/<key> for each storage, and in newer
// files <name>/byteorder.
inline checkpoint read_zip_checkpoint(byte_span bytes, std::string_view file) {
    const zip_archive archive(bytes, file);
    constexpr std::string_view main_record = "/data.pkl";
    std::string_view folder;
    for (const auto& [name, record] : archive.records()) {
        if (name.size() <= main_record.size() || name.substr(name.size() - main_record.size()) != main_record)
            continue;
        const std::string_view found = name.substr(0, name.size() - main_record.size());
        if (found.find('/') == std::string_view::npos)
            folder = found;
    }
    const std::string prefix = std::string(folder) + "/";
    if (folder.empty())
        fail_pth(file, "a zip archive without a record <name>/data.pkl: not written by torch.save");
    if (archive.contains(prefix + "constants.pkl"))
        fail_pth(file, "a TorchScript program, not a checkpoint; save the state_dict() of the loaded module");
    if (archive.contains(prefix + "byteorder") && as_text(archive.at(prefix + "byteorder")) != "little")
        fail_pth(file, "expected little-endian storages, found '" +
                           std::string(as_text(archive.at(prefix + "byteorder")).substr(0, 16)) + "'");
    checkpoint found;
    const std::string data = prefix + "data/";
    for (const auto& [name, record] : archive.records())
        if (name.substr(0, data.size()) == data)
            found.storages.emplace(name.substr(data.size()), archive.at(name));
    byte_cursor cursor(archive.at(prefix + "data.pkl"), file);
    found.description = pickle_machine(cursor, is_harmless_call).run();
    return found;
}

// The first pickle of a legacy file: the integer 0x1950a86a20f9469cfc6c, in hexadecimal bytes or as digits.
inline bool is_legacy_magic(const pickle_value& value) {
    const auto* magic = std::get_if<std::string_view>(&value);
    return magic &&
           (*magic == "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19" || *magic == "119547037146038801333356");
}

inline bool is_big_endian(const pickle& system) {
    const pickle_object* dict = system.object(system.top, pickle_kind::dict);
    for (std::size_t i = 0; dict && i + 1 < dict->items.size(); i += 2) {
        const auto* key = std::get_if<std::string_view>(&dict->items[i]);
        const auto* little = std::get_if<bool>(&dict->items[i + 1]);
        if (key && *key == "little_endian" && little)
            return !*little;
    }
    return false;
}

// What the pickle says about each storage, by key. Several mentions must agree.
inline std::unordered_map<std::string_view, storage_id> mentioned_storages(const pickle& description,
                                                                           std::string_view file) {
    std::unordered_map<std::string_view, storage_id> mentioned;
    for (std::uint32_t i = 0; i < description.objects().size(); ++i) {
        const auto id = read_storage_id(description, pickle_ref{i});
        if (!id)
            continue;
        const storage_id& first = mentioned.emplace(id->key, *id).first->second;
        if (first.type != id->type || first.elements != id->elements)
            fail_pth(file, "storage '" + std::string(id->key) + "' is described in two ways");
    }
    return mentioned;
}

// The legacy container (torch before 1.6): pickles of a magic number, a version, the system, the checkpoint
// and the keys of its storages; then each storage as its number of elements (int64) and its bytes.
inline checkpoint read_legacy_checkpoint(byte_span bytes, std::string_view file) {
    byte_cursor cursor(bytes, file);
    const auto next = [&cursor] { return pickle_machine(cursor, is_harmless_call).run(); };
    if (!is_legacy_magic(next().top))
        fail_pth(file, "a pickle without torch's magic number: not written by torch.save");
    const pickle version = next();
    const auto* number = std::get_if<std::int64_t>(&version.top);
    if (!number || *number != 1001)
        fail_pth(file, "expected version 1001 of torch's legacy format");
    if (is_big_endian(next()))
        fail_pth(file, "expected little-endian storages, found big-endian ones");
    checkpoint found;
    found.description = next();
    const auto mentioned = mentioned_storages(found.description, file);
    const pickle keys = next();
    const pickle_object* list = keys.object(keys.top, pickle_kind::list);
    if (!list)
        fail_pth(file, "expected a list of storages, found " + keys.describe(keys.top));
    for (const pickle_value& item : list->items) {
        const auto* key = std::get_if<std::string_view>(&item);
        const auto id = key ? mentioned.find(*key) : mentioned.end();
        if (id == mentioned.end())
            cursor.fail("a storage that the checkpoint does not mention, or of an unsupported type");
        const auto elements = cursor.little<std::uint64_t>();
        const auto size = checked_product(id->second.elements, element_size(id->second.type));
        if (elements != id->second.elements || !size)
            cursor.fail("expected " + std::to_string(id->second.elements) + " elements of storage '" +
                        std::string(*key) + "', found " + std::to_string(elements));
        found.storages.emplace(*key, cursor.take(*size));
    }
    return found;
}

// The container of torch before 0.1.10 was a tar archive.
inline bool is_tar(byte_span bytes) noexcept {
    return bytes.size() >= 262 && as_text(bytes.subspan(257, 5)) == "ustar";
}

inline checkpoint read_checkpoint(byte_span bytes, std::string_view file) {
    if (zip_archive::recognises(bytes))
        return read_zip_checkpoint(bytes, file);
    if (bytes.size() == 0)
        fail_pth(file, "the file is empty");
    if (is_tar(bytes))
        fail_pth(file,
                 "a tar archive, as torch wrote before 0.1.10; load and save it again with a newer torch");
    constexpr unsigned char binary_pickle = 0x80, decimal_magic = 'L'; // of protocols 2 to 5, and of 0 and 1
    if (bytes[0] != binary_pickle && bytes[0] != decimal_magic)
        fail_pth(file, "no checkpoint: neither a zip archive nor torch's legacy format");
    return read_legacy_checkpoint(bytes, file);
}

} // namespace fovea::detail
