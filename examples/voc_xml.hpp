// Pascal VOC's folders into a data set: ImageSets/Main/<split>.txt names the photos, Annotations/<name>.xml
// has the boxes, JPEGImages/ the pixels. A file that breaks a rule is a format_error with file and line.
#pragma once

#include "missing_files.hpp"

#include <fovea/error.hpp>
#include <fovea/io/file.hpp>
#include <fovea/train/data/dataset_builder.hpp>

#include <pugixml.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fovea::examples {

struct voc_options {
    std::vector<std::string> classes; // by label, [0] the background; none: the names found, in order
    unknown_label unknown = unknown_label::is_an_error;
    bool one_based = false; // the first pixel is 1, as in VOC's own files: xmin and ymin lose one
};

namespace detail {

// One annotation file: elements by path, errors with the line.
class voc_file {
public:
    voc_file(std::string name, std::string_view text) : name_(std::move(name)), text_(text) {
        constexpr unsigned options = pugi::parse_default;
        const pugi::xml_parse_result result =
            document_.load_buffer(text.data(), text.size(), options, pugi::encoding_utf8);
        if (!result)
            throw format_error(name_ + ":" + std::to_string(line_at(result.offset)) +
                               ": not XML: " + result.description());
    }

    [[noreturn]] void fail(const pugi::xml_node& at, const std::string& what) const {
        throw format_error(name_ + ":" + std::to_string(line(at)) + ": " + what);
    }

    std::size_t line(const pugi::xml_node& node) const { return line_at(node.offset_debug()); }

    pugi::xml_node root() const {
        const pugi::xml_node root = document_.child("annotation");
        if (!root)
            throw format_error(name_ + ": expected an <annotation>, found " +
                               (document_.first_child()
                                    ? "<" + std::string(document_.first_child().name()) + ">"
                                    : std::string("nothing")));
        return root;
    }

    pugi::xml_node child(const pugi::xml_node& parent, const char* tag) const {
        const pugi::xml_node found = parent.child(tag);
        if (!found)
            fail(parent, "expected a <" + std::string(tag) + "> in <" + parent.name() + ">, found none");
        return found;
    }

    // May be not finite: "nan" and "inf" are numbers here.
    double number(const pugi::xml_node& parent, const char* tag) const {
        const pugi::xml_node element = child(parent, tag);
        const std::string_view text = trimmed(element.child_value());
        double value = 0;
        const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (text.empty() || code != std::errc() || end != text.data() + text.size())
            fail(element, "<" + std::string(tag) + "> must be a number, found \"" +
                              std::string(text.substr(0, 40)) + "\"");
        return value;
    }

    bool flag(const pugi::xml_node& parent, const char* tag) const {
        const pugi::xml_node element = parent.child(tag);
        const std::string_view text = trimmed(element.child_value());
        if (element && text != "0" && text != "1" && !text.empty())
            fail(element, "<" + std::string(tag) + "> must be 0 or 1, found \"" +
                              std::string(text.substr(0, 40)) + "\"");
        return text == "1";
    }

    std::size_t side(const pugi::xml_node& parent, const char* tag) const {
        constexpr double most = 1 << 24;
        const double value = number(parent, tag);
        if (!(value >= 1 && value <= most && value == std::floor(value)))
            fail(parent.child(tag), "<" + std::string(tag) + "> must be a whole number of pixels in 1 .. " +
                                        std::to_string(1 << 24) + ", found " + std::to_string(value));
        return static_cast<std::size_t>(value);
    }

    static std::string_view trimmed(std::string_view text) {
        constexpr std::string_view blank = " \t\r\n";
        const std::size_t first = std::min(text.find_first_not_of(blank), text.size());
        return text.substr(first, text.find_last_not_of(blank) + 1 - first);
    }

private:
    // Counts on from the last place asked for: elements come in order, and there may be a million of them.
    std::size_t line_at(std::ptrdiff_t offset) const {
        const std::size_t end = offset < 0 ? 0 : std::min(static_cast<std::size_t>(offset), text_.size());
        if (end < counted_)
            counted_ = newlines_ = 0;
        const std::string_view more = text_.substr(counted_, end - counted_);
        newlines_ += static_cast<std::size_t>(std::count(more.begin(), more.end(), '\n'));
        counted_ = end;
        return 1 + newlines_;
    }

    std::string name_;
    std::string_view text_;
    pugi::xml_document document_;
    mutable std::size_t counted_ = 0, newlines_ = 0; // characters from the beginning, and the newlines among them
};

inline raw_object voc_object(const voc_file& file, const pugi::xml_node& node, bool one_based) {
    raw_object object;
    object.name = voc_file::trimmed(file.child(node, "name").child_value());
    if (object.name.empty())
        file.fail(node, "<name> is empty");
    const pugi::xml_node corners = file.child(node, "bndbox");
    const double first = one_based ? 1 : 0;
    object.x1 = file.number(corners, "xmin") - first;
    object.y1 = file.number(corners, "ymin") - first;
    object.x2 = file.number(corners, "xmax");
    object.y2 = file.number(corners, "ymax");
    object.difficult = file.flag(node, "difficult");
    object.line = file.line(corners);
    return object;
}

} // namespace detail

// One annotation file's text into the builder. photo: what the sample's photo becomes.
inline void parse_voc_annotation(std::string_view text, const std::string& name, const std::string& photo,
                                 std::int64_t id, bool one_based, dataset_builder& builder) {
    const detail::voc_file file(name, text);
    const pugi::xml_node root = file.root(), size = file.child(root, "size");
    builder.add_sample({photo, {file.side(size, "width"), file.side(size, "height")}, {}, name, id});
    for (const pugi::xml_node& node : root.children("object"))
        builder.add_object(detail::voc_object(file, node, one_based));
}

namespace detail {

inline constexpr std::uintmax_t largest_xml = std::uintmax_t{1} << 26;

inline std::string xml_text(const std::filesystem::path& path) {
    std::error_code code;
    if (std::filesystem::file_size(path, code) > largest_xml && !code)
        throw format_error(path.string() + ": larger than 64 MiB");
    const file_bytes bytes = read_file(path);
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

// The first column of a split's file: VOC's lists of one class have a second one.
inline std::vector<std::string> split_names(const std::filesystem::path& path, dataset_builder& builder) {
    const std::string text = xml_text(path);
    std::vector<std::string> names;
    std::set<std::string_view> seen;
    std::size_t line = 0;
    for (std::string_view rest = text; !rest.empty();) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        const std::string_view entry = voc_file::trimmed(rest.substr(0, end));
        const std::string_view name = entry.substr(0, entry.find_first_of(" \t"));
        rest.remove_prefix(std::min(end + 1, rest.size()));
        ++line;
        if (name.empty())
            continue;
        if (seen.insert(name).second)
            names.emplace_back(name);
        else
            builder.report({path.string(), line, std::string(name) + " is listed twice", "used once"});
    }
    if (names.empty())
        throw format_error(path.string() + ": lists no photo");
    return names;
}

inline std::vector<std::string> all_names(const std::filesystem::path& annotations) {
    std::vector<std::string> names;
    std::error_code code;
    for (const auto& entry : std::filesystem::directory_iterator(annotations, code))
        if (entry.path().extension() == ".xml")
            names.push_back(entry.path().stem().string());
    if (code || names.empty())
        throw io_error(annotations.string() + ": expected a folder of .xml files");
    std::sort(names.begin(), names.end());
    return names;
}

// JPEGImages/<name>.jpg, or with another ending that can be read; empty when there is none.
inline std::string photo_of(const std::filesystem::path& folder, const std::string& name) {
    for (const char* ending : {".jpg", ".jpeg", ".png", ".bmp", ".JPG", ".JPEG", ".PNG", ".ppm"}) {
        const std::filesystem::path path = folder / (name + ending);
        std::error_code code;
        if (std::filesystem::is_regular_file(path, code))
            return path.string();
    }
    return {};
}

} // namespace detail

// The photos that folder/ImageSets/Main/<split>.txt lists, in its order; without a split all of
// folder/Annotations, in order of their names. Photos must exist; their pixels are not read.
// Throws io_error that lists every missing file, format_error for a file or label that breaks a rule.
inline detection_dataset read_voc(const std::filesystem::path& folder, const std::string& split,
                                  const voc_options& options = {}) {
    const std::filesystem::path annotations = folder / "Annotations", photos = folder / "JPEGImages";
    dataset_builder builder(options.classes, options.unknown);
    const std::vector<std::string> names =
        split.empty() ? detail::all_names(annotations)
                      : detail::split_names(folder / "ImageSets" / "Main" / (split + ".txt"), builder);
    missing_files missing;
    std::int64_t id = 0;
    for (const std::string& name : names) {
        const std::filesystem::path xml = annotations / (name + ".xml");
        const std::string photo = detail::photo_of(photos, name);
        std::error_code code;
        if (!std::filesystem::exists(xml, code))
            missing.add(xml);
        if (photo.empty())
            missing.add(photos / (name + ".jpg"));
        if (!photo.empty() && std::filesystem::exists(xml, code))
            parse_voc_annotation(detail::xml_text(xml), xml.string(), photo, ++id, options.one_based,
                                 builder);
    }
    missing.check(folder.string());
    return builder.finish();
}

} // namespace fovea::examples
