#include "train_folder.hpp"

#include "curves.hpp"

#include <fovea/io/atomic_file.hpp>
#include <fovea/io/weights.hpp>

#include <algorithm>
#include <cmath>

namespace fovea::cli {

namespace {

std::string lines_of(const std::vector<std::string>& texts) {
    std::string lines;
    for (const std::string& text : texts)
        lines += text + '\n';
    return lines;
}

} // namespace

train_folder::train_folder(const std::filesystem::path& path, std::vector<std::string> classes)
    : path_(path), classes_(std::move(classes)), checkpoints_(path) {
    std::error_code code;
    std::filesystem::create_directories(path, code);
    if (code || !std::filesystem::is_directory(path))
        throw io_error(path.string() + ": cannot be created" +
                       (code ? ": " + code.message() : std::string()));
}

void train_folder::clear() const {
    for (const char* name :
         {"last.safetensors", "previous.safetensors", "best.safetensors", "best_fp16.safetensors",
          "final.safetensors", "final_fp16.safetensors", "curves.png", "issues.txt"}) {
        std::error_code code;
        std::filesystem::remove(path_ / name, code);
        if (code)
            throw io_error((path_ / name).string() + ": cannot be removed: " + code.message());
    }
}

void train_folder::tidy() const {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(path_, ignored))
        if (const std::string name = entry.path().filename().string();
            name.find(".safetensors.") != std::string::npos && entry.path().extension() == ".part")
            std::filesystem::remove(entry.path(), ignored);
}

void train_folder::write_labels() const {
    write_file_atomically(labels(), lines_of(classes_));
}

void train_folder::write_issues(const std::vector<data_issue>& issues) const {
    if (!issues.empty())
        write_file_atomically(path_ / "issues.txt", to_text(issues));
}

void train_folder::write_curves(const std::vector<log_row>& rows) const {
    const bool can_be_drawn = std::any_of(rows.begin(), rows.end(), [](const log_row& row) {
        return std::isfinite(row.loss) || std::isfinite(row.ap) || std::isfinite(row.top1);
    });
    if (can_be_drawn)
        write_file_atomically(path_ / "curves.png",
                              draw_curves(rows, std::filesystem::absolute(path_).filename().string()));
}

void train_folder::write_best(const state_dict& weights, const std::string& notes) const {
    write_weights("best.safetensors", weights, notes, dtype::float32);
}

void train_folder::write_final(const state_dict& weights, const std::string& notes, bool half) const {
    write_weights("final.safetensors", weights, notes, dtype::float32);
    if (!half)
        return;
    write_weights("final_fp16.safetensors", weights, notes, dtype::float16);
    if (std::filesystem::exists(best())) {
        const file_bytes bytes = read_file(best());
        const safetensors_file file = read_safetensors_file(byte_span(bytes), best().string());
        const auto notes_of_best = file.metadata.find("training");
        write_weights("best_fp16.safetensors", file.tensors,
                      notes_of_best == file.metadata.end() ? notes : notes_of_best->second, dtype::float16);
    }
}

void train_folder::write_weights(const char* name, const state_dict& weights, const std::string& notes,
                                 dtype floats) const {
    write_safetensors(path_ / name, weights, floats, {{"classes", lines_of(classes_)}, {"training", notes}});
}

} // namespace fovea::cli
