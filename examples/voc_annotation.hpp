// One annotation file of Pascal VOC, XML, into a data set. A file that breaks a rule is a format_error with
// its line.
#pragma once

#include <fovea/error.hpp>
#include <fovea/train/data/dataset_builder.hpp>

#include <pugixml.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace fovea::examples {

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
    mutable std::size_t counted_ = 0,
                        newlines_ = 0; // characters from the beginning, and the newlines among them
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

} // namespace fovea::examples
