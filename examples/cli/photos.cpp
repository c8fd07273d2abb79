#include "photos.hpp"

#include "validators.hpp"

#include <fovea/io/image.hpp>

#include <CLI/CLI.hpp>

#include <filesystem>
#include <set>

namespace fovea::cli {

namespace {

namespace fs = std::filesystem;

// Where drawings go: the file that --draw names, or a folder with one <photo>.png a photo.
class drawing_paths {
public:
    explicit drawing_paths(const photo_options& o) : draw_(o.draw) {
        const bool is_png = draw_.extension() == ".png";
        is_folder_ = fs::is_directory(draw_) || !is_png;
        if (!is_folder_ && o.paths.size() > 1)
            refuse("--draw", "several photos need a folder, found '" + o.draw + "'");
        std::error_code code;
        if (is_folder_)
            fs::create_directories(draw_, code);
        if (code)
            throw io_error(o.draw + ": " + code.message());
    }

    fs::path for_photo(const fs::path& photo) {
        if (!is_folder_)
            return draw_;
        const std::string stem = photo.stem().string();
        std::string name = stem;
        for (int again = 2; !used_.insert(name).second; ++again)
            name = stem + "-" + std::to_string(again);
        return draw_ / (name + ".png");
    }

private:
    fs::path draw_;
    bool is_folder_ = false;
    std::set<std::string> used_;
};

} // namespace

void add_photo_options(CLI::App& command, photo_options& o) {
    command.add_option("IMAGE", o.paths, "JPEG, PNG, BMP or PNM photos")->required();
    command.add_option("--json", o.json, "Write the results as JSON; - for standard output");
    command.add_option("--draw", o.draw,
                       "Draw the results: FILE.png, or a folder that gets one <photo>.png a photo");
}

void require_task(const model_options& o, model_task task) {
    boost::hana::for_each(zoo, [&](const auto& entry) {
        if (entry.name == o.model && entry.what != task)
            refuse("MODEL", o.model + " is for " + std::string(name_of(entry.what)) + ", not for " +
                                std::string(name_of(task)));
    });
    if (o.features_only)
        refuse("--features-only", "leaves no classes to name; use `fovea run`");
}

void process_photos(const std::string& model, const photo_options& o,
                    const std::function<photo_result(const std::string&, image_view, bool quiet)>& run) {
    std::optional<drawing_paths> drawings;
    if (!o.draw.empty())
        drawings.emplace(o);
    json results = {{"model", model}, {"images", json::array()}};
    for (const std::string& path : o.paths) {
        const image photo = read_image(path);
        const photo_result result = run(path, photo, o.json == "-");
        results["images"].push_back(result.as_json);
        if (drawings)
            write_png(drawings->for_photo(path), result.draw());
    }
    if (!o.json.empty())
        write_json(o.json, results);
}

} // namespace fovea::cli
