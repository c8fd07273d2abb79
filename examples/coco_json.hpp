// COCO's JSON files: annotations and detections in, detections out. Every value is checked; a file that
// breaks a rule is a format_error that names the file, the list, the entry and the key.
#pragma once

#include <fovea/error.hpp>
#include <fovea/evaluate/annotations.hpp>
#include <fovea/tensor/view.hpp>

#include <nlohmann/json.hpp>

#include <array>
#include <cstdint>
#include <fstream>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fovea::examples {

struct coco_image {
    std::int64_t id = 0;
    std::string file_name;
    std::int64_t width = 0, height = 0; // pixels
};

struct coco_category_name {
    std::int64_t id = 0;
    std::string name;
};

struct coco_dataset {
    std::vector<coco_image> images;
    std::vector<coco_category_name> categories;
    std::vector<annotated_box> annotations;
};

namespace detail {

using json = nlohmann::json;

// Coordinates, areas and scores beyond this are refused: no photo has them, and their products stay finite.
inline constexpr double largest_number = 1e9;
inline constexpr std::size_t largest_file = std::size_t{1} << 30U;

// Reads one JSON object; errors say where it stands.
class entry {
public:
    entry(const json& object, std::string where) : object_(object), where_(std::move(where)) {
        if (!object.is_object())
            fail("expected an object, found " + std::string(object.type_name()));
    }

    [[noreturn]] void fail(const std::string& what) const { throw format_error(where_ + ": " + what); }

    bool has(const char* key) const { return object_.contains(key); }

    const json& at(const char* key, const char* expected) const {
        const auto found = object_.find(key);
        if (found == object_.end())
            fail(std::string("key \"") + key + "\" is missing, expected " + expected);
        return *found;
    }

    std::int64_t integer(const char* key) const {
        const json& value = at(key, "an integer");
        const bool fits = value.is_number_integer() &&
                          (!value.is_number_unsigned() ||
                           value.get<std::uint64_t>() <=
                               static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()));
        if (!fits)
            fail(std::string("\"") + key + "\" must be an integer of 64 bits, found " + describe(value));
        return value.get<std::int64_t>();
    }

    std::int64_t integer_from(const char* key, std::int64_t least, std::int64_t most) const {
        const std::int64_t value = integer(key);
        if (value < least || value > most)
            fail(std::string("\"") + key + "\" must be in " + std::to_string(least) + " .. " +
                 std::to_string(most) + ", found " + std::to_string(value));
        return value;
    }

    std::string text(const char* key) const {
        const json& value = at(key, "a string");
        if (!value.is_string())
            fail(std::string("\"") + key + "\" must be a string, found " + describe(value));
        return value.get<std::string>();
    }

    double number(const char* key, double least) const { return checked(at(key, "a number"), key, least); }

    // Any four numbers.
    std::array<double, 4> numbers_of_box() const {
        const json& value = four_of_box();
        std::array<double, 4> numbers{};
        for (std::size_t i = 0; i < 4; ++i) {
            if (!value[i].is_number())
                fail("\"bbox\" must have numbers, found " + describe(value[i]));
            numbers[i] = value[i].get<double>();
        }
        return numbers;
    }

    rectangle box() const {
        const json& value = four_of_box();
        return {checked(value[0], "bbox x", -largest_number), checked(value[1], "bbox y", -largest_number),
                checked(value[2], "bbox width", 0), checked(value[3], "bbox height", 0)};
    }

private:
    const json& four_of_box() const {
        const json& value = at("bbox", "[x, y, width, height]");
        if (!value.is_array() || value.size() != 4)
            fail("\"bbox\" must be [x, y, width, height], found " + describe(value));
        return value;
    }

    static std::string describe(const json& value) {
        return value.is_array() ? "an array of " + std::to_string(value.size()) : value.type_name();
    }

    double checked(const json& value, const char* key, double least) const {
        if (!value.is_number())
            fail(std::string("\"") + key + "\" must be a number, found " + describe(value));
        const auto number = value.get<double>();
        if (!(number >= least && number <= largest_number))
            fail(std::string("\"") + key + "\" must be in " + std::to_string(least) + " .. 1e9, found " +
                 std::to_string(number));
        return number;
    }

    const json& object_;
    std::string where_;
};

inline json parse(std::string_view text, const std::string& name) {
    try {
        return json::parse(text.begin(), text.end());
    } catch (const json::exception& e) {
        throw format_error(name + ": not JSON: " + e.what());
    }
}

// Calls read(entry, id) for each object of the list `key`, whose "id"s must differ.
template <class Read>
std::set<std::int64_t> read_list(const entry& root, const std::string& name, const char* key, Read read) {
    const json& list = root.at(key, "an array");
    if (!list.is_array())
        root.fail(std::string("\"") + key + "\" must be an array");
    std::set<std::int64_t> ids;
    for (std::size_t i = 0; i < list.size(); ++i) {
        const entry e(list[i], name + ": " + key + "[" + std::to_string(i) + "]");
        const std::int64_t id = e.integer("id");
        if (!ids.insert(id).second)
            e.fail("id " + std::to_string(id) + " is used twice");
        read(e, id);
    }
    return ids;
}

inline std::int64_t known(const entry& e, const char* key, const std::set<std::int64_t>& ids) {
    const std::int64_t id = e.integer(key);
    if (ids.count(id) == 0)
        e.fail(std::string("\"") + key + "\" " + std::to_string(id) + " is not in the annotations' lists");
    return id;
}

inline std::string read_text(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string text;
    if (file)
        for (char buffer[1 << 16]; file.read(buffer, sizeof buffer), file.gcount() > 0;) {
            text.append(buffer, static_cast<std::size_t>(file.gcount()));
            if (text.size() > largest_file)
                throw io_error(path + ": larger than 1 GiB");
        }
    if (!file.eof())
        throw io_error(path + ": cannot be read");
    return text;
}

} // namespace detail

// The text of an instances_*.json. "iscrowd" and "difficult" default to 0; keys not needed here are ignored.
inline coco_dataset parse_coco_annotations(std::string_view text, const std::string& name) {
    const detail::json parsed = detail::parse(text, name);
    const detail::entry root(parsed, name);
    coco_dataset data;
    const auto images = detail::read_list(root, name, "images", [&](const detail::entry& e, std::int64_t id) {
        data.images.push_back({id, e.text("file_name"), e.integer_from("width", 1, 1 << 24),
                               e.integer_from("height", 1, 1 << 24)});
    });
    const auto categories =
        detail::read_list(root, name, "categories", [&](const detail::entry& e, std::int64_t id) {
            data.categories.push_back({id, e.text("name")});
        });
    detail::read_list(root, name, "annotations", [&](const detail::entry& e, std::int64_t) {
        annotated_box a;
        a.image_id = detail::known(e, "image_id", images);
        a.category_id = detail::known(e, "category_id", categories);
        a.box = e.box();
        a.area = e.number("area", 0);
        a.is_crowd = e.has("iscrowd") && e.integer_from("iscrowd", 0, 1) == 1;
        a.difficult = e.has("difficult") && e.integer_from("difficult", 0, 1) == 1;
        data.annotations.push_back(a);
    });
    return data;
}

// The text of a results file: a list of image_id, category_id, bbox and score, with ids of `data`.
inline std::vector<scored_box> parse_coco_detections(std::string_view text, const std::string& name,
                                                     const coco_dataset& data) {
    const detail::json list = detail::parse(text, name);
    if (!list.is_array())
        throw format_error(name + ": expected an array of detections, found " + list.type_name());
    std::set<std::int64_t> images, categories;
    for (const coco_image& image : data.images)
        images.insert(image.id);
    for (const coco_category_name& category : data.categories)
        categories.insert(category.id);
    std::vector<scored_box> detections;
    for (std::size_t i = 0; i < list.size(); ++i) {
        const detail::entry e(list[i], name + ": [" + std::to_string(i) + "]");
        detections.push_back({detail::known(e, "image_id", images),
                              detail::known(e, "category_id", categories), e.box(),
                              e.number("score", -detail::largest_number)});
    }
    return detections;
}

// Throws io_error when the file cannot be read and format_error when its contents break a rule.
inline coco_dataset read_coco_annotations(const std::string& path) {
    return parse_coco_annotations(detail::read_text(path), path);
}

inline std::vector<scored_box> read_coco_detections(const std::string& path, const coco_dataset& data) {
    return parse_coco_detections(detail::read_text(path), path, data);
}

// Writes COCO's results format. Throws io_error when the file cannot be written.
inline void write_coco_detections(const std::string& path, span<const scored_box> detections) {
    detail::json list = detail::json::array();
    for (const scored_box& d : detections)
        list.push_back({{"image_id", d.image_id},
                        {"category_id", d.category_id},
                        {"bbox", {d.box.x, d.box.y, d.box.width, d.box.height}},
                        {"score", d.score}});
    std::ofstream file(path, std::ios::binary);
    file << list << '\n';
    file.close();
    if (!file)
        throw io_error(path + ": cannot be written");
}

} // namespace fovea::examples
