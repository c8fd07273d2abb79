// COCO's instances_*.json into a data set for training. A file that breaks a rule is a format_error with the
// list, the entry and the key.
#pragma once

#include "coco_json.hpp"
#include "missing_files.hpp"

#include <fovea/error.hpp>
#include <fovea/train/data/dataset_builder.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fovea::examples {

// What an object's label is.
enum class coco_labeling : unsigned char {
    category_ids, // its category's id, as in torchvision's models; ids without a category are "N/A"
    contiguous    // 1, 2, ... in order of the ids
};

struct coco_options {
    coco_labeling labeling = coco_labeling::category_ids;
    std::vector<std::string> classes; // by label, [0] the background: overrides `labeling`, names decide
    unknown_label unknown = unknown_label::is_an_error;
};

namespace detail {

// Reads characters and counts lines; copies count into one number.
class counting_iterator {
public:
    using iterator_category = std::input_iterator_tag;
    using value_type = char;
    using difference_type = std::ptrdiff_t;
    using pointer = const char*;
    using reference = const char&;

    counting_iterator() = default;
    counting_iterator(const char* at, std::size_t& line) : at_(at), line_(&line) {}

    reference operator*() const { return *at_; }
    counting_iterator& operator++() {
        *line_ += *at_++ == '\n' ? 1U : 0U;
        return *this;
    }
    friend bool operator==(const counting_iterator& a, const counting_iterator& b) { return a.at_ == b.at_; }
    friend bool operator!=(const counting_iterator& a, const counting_iterator& b) { return a.at_ != b.at_; }

private:
    const char* at_ = nullptr;
    std::size_t* line_ = nullptr;
};

// A file's JSON, and the line where each object of its list "annotations" begins.
struct json_with_lines {
    json parsed;
    std::vector<std::size_t> lines;
};

inline json_with_lines parse_with_lines(std::string_view text, const std::string& name) {
    json_with_lines out;
    std::size_t line = 1, unused = 0;
    bool in_annotations = false;
    const auto note = [&](int depth, json::parse_event_t event, json& value) {
        if (depth == 1 && event == json::parse_event_t::key) {
            in_annotations = value == "annotations";
            if (in_annotations) // of a key that is there twice the last one counts
                out.lines.clear();
        } else if (depth == 2 && event == json::parse_event_t::object_start && in_annotations)
            out.lines.push_back(line);
        return true;
    };
    try {
        out.parsed = json::parse(counting_iterator(text.data(), line),
                                 counting_iterator(text.data() + text.size(), unused), note);
    } catch (const json::exception& e) {
        throw format_error(name + ":" + std::to_string(line) + ": not JSON: " + e.what());
    }
    return out;
}

// Names by label. Throws format_error for ids that are no labels.
inline std::vector<std::string> coco_classes(const std::map<std::int64_t, std::string>& names,
                                             coco_labeling labeling, const std::string& file) {
    constexpr std::int64_t largest_label = 100000;
    std::vector<std::string> classes{"__background__"};
    for (const auto& [id, name] : names) {
        if (labeling == coco_labeling::category_ids) {
            if (id < 1 || id > largest_label)
                throw format_error(file + ": category id " + std::to_string(id) + " of \"" + name +
                                   "\" is no label (1 .. " + std::to_string(largest_label) +
                                   "): number the labels anew (contiguous)");
            classes.resize(static_cast<std::size_t>(id), "N/A");
        }
        classes.push_back(name);
    }
    return classes;
}

// The categories' names by id.
inline std::map<std::int64_t, std::string> coco_names(const entry& root, const std::string& file) {
    std::map<std::int64_t, std::string> names;
    read_list(root, file, "categories", [&](const entry& e, std::int64_t id) { names[id] = e.text("name"); });
    return names;
}

inline raw_object coco_object(const entry& e, const std::map<std::int64_t, std::string>& names,
                              std::size_t line) {
    raw_object object;
    const std::int64_t category = e.integer("category_id");
    const auto name = names.find(category);
    object.name = name == names.end() ? "category " + std::to_string(category) : name->second;
    const std::array<double, 4> box = e.numbers_of_box();
    object.x1 = box[0];
    object.y1 = box[1];
    object.x2 = box[0] + box[2];
    object.y2 = box[1] + box[3];
    object.crowd = e.has("iscrowd") && e.integer_from("iscrowd", 0, 1) == 1;
    object.difficult = e.has("difficult") && e.integer_from("difficult", 0, 1) == 1;
    if (e.has("area"))
        object.area = e.number("area", 0);
    object.line = line;
    return object;
}

} // namespace detail

// The text of an instances_*.json; photos are in a folder. Samples are in the order of the list "images".
inline detection_dataset parse_coco(std::string_view text, const std::string& name,
                                    const std::filesystem::path& photos, const coco_options& options = {}) {
    const detail::json_with_lines file = detail::parse_with_lines(text, name);
    const detail::entry root(file.parsed, name);
    const std::map<std::int64_t, std::string> names = detail::coco_names(root, name);
    dataset_builder builder(options.classes.empty() ? detail::coco_classes(names, options.labeling, name)
                                                    : options.classes,
                            options.unknown);
    std::map<std::int64_t, std::vector<raw_object>> objects;
    std::vector<detection_sample> samples;
    const auto ids = detail::read_list(root, name, "images", [&](const detail::entry& e, std::int64_t id) {
        samples.push_back({(photos / e.text("file_name")).string(),
                           {static_cast<std::size_t>(e.integer_from("width", 1, 1 << 24)),
                            static_cast<std::size_t>(e.integer_from("height", 1, 1 << 24))},
                           {},
                           name,
                           id});
    });
    std::size_t next = 0;
    detail::read_list(root, name, "annotations", [&](const detail::entry& e, std::int64_t) {
        const std::size_t line = next < file.lines.size() ? file.lines[next] : 0;
        ++next;
        objects[detail::known(e, "image_id", ids)].push_back(detail::coco_object(e, names, line));
    });
    for (detection_sample& sample : samples) {
        const std::int64_t id = sample.id;
        builder.add_sample(std::move(sample));
        for (const raw_object& object : objects[id])
            builder.add_object(object);
    }
    return builder.finish();
}

// The same from a file. Photos must exist; their pixels are not read. Throws io_error that lists every
// missing file, format_error for a file or label that breaks a rule.
inline detection_dataset read_coco(const std::filesystem::path& annotations,
                                   const std::filesystem::path& photos, const coco_options& options = {}) {
    detection_dataset data =
        parse_coco(detail::read_text(annotations.string()), annotations.string(), photos, options);
    missing_files missing;
    for (const detection_sample& sample : data.samples) {
        std::error_code code;
        if (!std::filesystem::is_regular_file(sample.photo, code))
            missing.add(sample.photo);
    }
    missing.check(annotations.string());
    return data;
}

} // namespace fovea::examples
