// Photos in a folder for each class: torchvision's ImageFolder layout, for training classifiers.
#pragma once

#include <fovea/error.hpp>

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace fovea {

struct classified_photo {
    std::string photo; // path
    int label = 0;     // 0 .. classes - 1
};

struct classification_dataset {
    std::vector<std::string> classes; // names by label
    std::vector<classified_photo> samples;
};

namespace detail {

// Endings that read_image() knows, in lower case.
inline bool is_photo_name(const std::filesystem::path& path) {
    std::string ending = path.extension().string();
    std::transform(ending.begin(), ending.end(), ending.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    for (const char* known : {".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".pgm"})
        if (ending == known)
            return true;
    return false;
}

// Names of the folders in a folder, in alphabetical order. Throws io_error when it cannot be read.
inline std::vector<std::string> folder_names(const std::filesystem::path& folder) {
    std::vector<std::string> names;
    std::error_code code;
    for (const auto& entry : std::filesystem::directory_iterator(folder, code))
        if (entry.is_directory())
            names.push_back(entry.path().filename().string());
    if (code)
        throw io_error(folder.string() + ": " + code.message());
    std::sort(names.begin(), names.end());
    return names;
}

// Photos in a folder and the folders below, in alphabetical order.
inline std::vector<std::string> photos_below(const std::filesystem::path& folder) {
    std::vector<std::string> photos;
    std::error_code code;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, code))
        if (entry.is_regular_file() && is_photo_name(entry.path()))
            photos.push_back(entry.path().string());
    if (code)
        throw io_error(folder.string() + ": " + code.message());
    std::sort(photos.begin(), photos.end());
    return photos;
}

} // namespace detail

// Photos of folder/<class>/ and the folders below it. classes: names by label, such as those of the training
// set for validation; none: all folders, in alphabetical order. Throws io_error when a folder cannot be read,
// format_error when there is no class, a folder that is none of `classes`, or a class without photos.
inline classification_dataset read_image_folder(const std::filesystem::path& folder,
                                                std::vector<std::string> classes = {}) {
    const std::vector<std::string> found = detail::folder_names(folder);
    if (found.empty())
        throw format_error(folder.string() + ": expected a folder for each class, found none");
    classification_dataset data{classes.empty() ? found : std::move(classes), {}};
    std::string faults;
    for (const std::string& name : found)
        if (std::find(data.classes.begin(), data.classes.end(), name) == data.classes.end())
            faults += "\n  " + name + " is not among the classes";
    for (std::size_t label = 0; label < data.classes.size(); ++label) {
        const std::string& name = data.classes[label];
        const bool exists = std::find(found.begin(), found.end(), name) != found.end();
        const auto photos = exists ? detail::photos_below(folder / name) : std::vector<std::string>();
        if (photos.empty())
            faults += "\n  " + name + " has no photos";
        for (const std::string& photo : photos)
            data.samples.push_back({photo, static_cast<int>(label)});
    }
    if (!faults.empty())
        throw format_error(folder.string() + ":" + faults);
    return data;
}

} // namespace fovea
