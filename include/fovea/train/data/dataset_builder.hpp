// The one rule for annotated boxes, whatever file they come from: readers hand raw boxes to a builder, which
// keeps, clips or drops them and writes down what it did.
//
//   not finite, or without a positive width and height     dropped, reported
//   beyond the photo                                       clipped to it; reported from half a pixel on
//   after that narrower or lower than one pixel            dropped, reported
//   name that is no class                                  an error that lists all of them, or dropped,
//   reported
#pragma once

#include <fovea/error.hpp>
#include <fovea/train/data/detection_dataset.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace fovea {

// What becomes of an object whose name is not among the classes.
enum class unknown_label : unsigned char { is_an_error, is_dropped };

// An object as a file has it: pixels of the photo, x to the right and y down, x2 and y2 outside the last
// pixel.
struct raw_object {
    std::string name;
    double x1 = 0, y1 = 0, x2 = 0, y2 = 0;
    bool difficult = false, crowd = false;
    std::optional<double> area;
    std::size_t line = 0;
};

class dataset_builder {
public:
    // classes: names by label, [0] the background; "N/A" is a label that no object has (as in COCO). None:
    // every name found is a class, in alphabetical order.
    explicit dataset_builder(std::vector<std::string> classes = {},
                             unknown_label unknown = unknown_label::is_an_error)
        : unknown_(unknown), open_(classes.empty()) {
        data_.classes = std::move(classes);
        for (std::size_t i = 1; i < data_.classes.size(); ++i)
            if (data_.classes[i] != "N/A" && !labels_.emplace(data_.classes[i], static_cast<int>(i)).second)
                throw input_error("classes: " + data_.classes[i] + " is there twice");
    }

    // Adds a sample without objects; following objects are its.
    void add_sample(detection_sample sample) { data_.samples.push_back(std::move(sample)); }

    // Adds an object to the last sample, or says why not.
    void add_object(const raw_object& raw) {
        detection_sample& sample = data_.samples.back();
        labeled_box object{{}, label_of(raw.name), raw.difficult, raw.crowd, 0, raw.line};
        if (object.label == no_label) {
            if (unknown_ == unknown_label::is_an_error)
                unknown_names_[raw.name].push_back(sample.annotation_file + at_line(raw.line));
            else
                report(raw, "\"" + raw.name + "\" is not among the classes", "dropped");
            return;
        }
        if (clip(raw, sample.size, object.corners)) {
            const box& b = object.corners;
            object.area =
                raw.area.value_or(static_cast<double>(b.x2 - b.x1) * static_cast<double>(b.y2 - b.y1));
            sample.objects.push_back(object);
        }
    }

    void report(data_issue issue) { data_.issues.push_back(std::move(issue)); }

    // The whole set. Throws format_error that names every unknown label and where it stands.
    detection_dataset finish() {
        if (!unknown_names_.empty())
            throw format_error(unknown_message());
        if (open_)
            name_classes();
        return std::move(data_);
    }

private:
    static constexpr int no_label = -1;
    static constexpr double rounding_error = 0.5, min_side = 1; // pixels

    static std::string at_line(std::size_t line) {
        return line == 0 ? std::string() : ":" + std::to_string(line);
    }

    // Provisional labels while the classes are open: in the order of appearance, until finish().
    int label_of(const std::string& name) {
        const auto found = labels_.find(name);
        if (found != labels_.end())
            return found->second;
        if (!open_)
            return no_label;
        const int label = static_cast<int>(labels_.size()) + 1;
        labels_.emplace(name, label);
        return label;
    }

    void report(const raw_object& raw, const std::string& what, const std::string& action) {
        report({data_.samples.back().annotation_file, raw.line, what, action});
    }

    static std::string describe(const raw_object& raw) {
        char text[128];
        std::snprintf(text, sizeof text, "box (%g, %g, %g, %g) of ", raw.x1, raw.y1, raw.x2, raw.y2);
        return text + raw.name;
    }

    // False when the box is dropped.
    bool clip(const raw_object& raw, image_size size, box& corners) {
        const auto drop = [&](const char* why) {
            report(raw, describe(raw) + why, "dropped");
            return false;
        };
        if (!std::isfinite(raw.x1) || !std::isfinite(raw.y1) || !std::isfinite(raw.x2) ||
            !std::isfinite(raw.y2))
            return drop(" is not finite");
        if (!(raw.x2 > raw.x1 && raw.y2 > raw.y1))
            return drop(" has no area");
        const auto width = static_cast<double>(size.width), height = static_cast<double>(size.height);
        const double x1 = std::clamp(raw.x1, 0.0, width), y1 = std::clamp(raw.y1, 0.0, height),
                     x2 = std::clamp(raw.x2, 0.0, width), y2 = std::clamp(raw.y2, 0.0, height);
        const std::string photo =
            " the photo of " + std::to_string(size.width) + "x" + std::to_string(size.height);
        corners = {static_cast<float>(x1), static_cast<float>(y1), static_cast<float>(x2),
                   static_cast<float>(y2)};
        if (x2 - x1 < min_side || y2 - y1 < min_side)
            return drop((" has less than one pixel inside" + photo).c_str());
        const double beyond = std::max({x1 - raw.x1, y1 - raw.y1, raw.x2 - x2, raw.y2 - y2});
        if (beyond > rounding_error)
            report(raw, describe(raw) + " is not inside" + photo, "clipped");
        return true;
    }

    // Labels in alphabetical order of the names.
    void name_classes() {
        std::vector<int> final_label(labels_.size() + 1, 0);
        data_.classes = {"__background__"};
        for (const auto& [name, label] : labels_) {
            final_label[static_cast<std::size_t>(label)] = static_cast<int>(data_.classes.size());
            data_.classes.push_back(name);
        }
        for (detection_sample& sample : data_.samples)
            for (labeled_box& object : sample.objects)
                object.label = final_label[static_cast<std::size_t>(object.label)];
    }

    std::string unknown_message() const {
        constexpr std::size_t places_a_name = 5;
        std::string text = "labels that are not among the classes:";
        for (const auto& [name, places] : unknown_names_) {
            text += "\n  \"" + name + "\", " + std::to_string(places.size()) + " times:";
            for (std::size_t i = 0; i < std::min(places.size(), places_a_name); ++i)
                text += " " + places[i];
            text += places.size() > places_a_name ? " ..." : "";
        }
        return text;
    }

    detection_dataset data_;
    unknown_label unknown_;
    bool open_;
    std::map<std::string, int> labels_;
    std::map<std::string, std::vector<std::string>> unknown_names_;
};

} // namespace fovea
