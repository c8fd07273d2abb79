// Pascal VOC's folders into a data set: ImageSets/Main/<split>.txt names the photos, Annotations/<name>.xml
// has the boxes, JPEGImages/ the pixels. A file that breaks a rule is a format_error with file and line.
#pragma once

#include "missing_files.hpp"
#include "voc_annotation.hpp"

#include <fovea/error.hpp>
#include <fovea/io/file.hpp>
#include <fovea/train/data/dataset_builder.hpp>

#include <algorithm>
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
