// What a run of training writes, beside its log and checkpoints.
#pragma once

#include "train_log.hpp"

#include <fovea/io/state_dict.hpp>
#include <fovea/train/checkpoint_folder.hpp>
#include <fovea/train/data/data_issue.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace fovea::cli {

class train_folder {
public:
    // Creates the folder. Throws io_error.
    train_folder(const std::filesystem::path& path, std::vector<std::string> classes);

    const checkpoint_folder& checkpoints() const noexcept { return checkpoints_; }
    std::filesystem::path log() const { return path_ / "log.csv"; }
    std::filesystem::path best() const { return path_ / "best.safetensors"; }
    std::filesystem::path labels() const { return path_ / "labels.txt"; }
    const std::filesystem::path& path() const noexcept { return path_; }

    // Removes what an earlier run wrote.
    void clear() const;
    // Removes halves of weights files that a killed run left.
    void tidy() const;
    // labels.txt: a class a line, a detector's background first.
    void write_labels() const;
    // issues.txt, or none of that name when there is no issue.
    void write_issues(const std::vector<data_issue>& issues) const;
    void write_curves(const std::vector<log_row>& rows) const;
    // Weights with the classes and `notes` as metadata.
    void write_best(const state_dict& weights, const std::string& notes) const;
    // final.safetensors, with `half` final_fp16.safetensors and best_fp16.safetensors as well.
    void write_final(const state_dict& weights, const std::string& notes, bool half) const;

private:
    void write_weights(const char* name, const state_dict& weights, const std::string& notes,
                       dtype floats) const;

    std::filesystem::path path_;
    std::vector<std::string> classes_;
    checkpoint_folder checkpoints_;
};

} // namespace fovea::cli
