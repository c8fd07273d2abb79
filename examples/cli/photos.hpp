// What `classify` and `detect` share: photos in; text, JSON and drawings out.
#pragma once

#include "json_file.hpp"
#include "model_choice.hpp"

#include <fovea/preprocess/image.hpp>

#include <functional>
#include <string>
#include <vector>

namespace fovea::cli {

struct photo_options {
    std::vector<std::string> paths;
    std::string json, draw;
};

// What came of a photo.
struct photo_result {
    nlohmann::ordered_json as_json;
    std::function<image()> draw; // called when a drawing is wanted, while the photo is there
};

void add_photo_options(CLI::App& command, photo_options& options);

// Throws CLI::ValidationError when the model has another task.
void require_task(const model_options& options, model_task task);

// Reads each photo, calls run(path, photo, quiet) and writes what --json and --draw ask for.
void process_photos(const std::string& model, const photo_options& options,
                    const std::function<photo_result(const std::string&, image_view, bool quiet)>& run);

} // namespace fovea::cli
