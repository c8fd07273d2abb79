// The CSV log of a training run: one row a step or an evaluation, kept right when a run is resumed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <vector>

namespace fovea::cli {

inline constexpr double no_value = std::numeric_limits<double>::quiet_NaN(); // an empty cell

// What a network is trained for: which columns a log has.
enum class log_kind : unsigned char { detection, classification };

// The two figures of an evaluation, by name: AP and AP50, or top-1 and top-5.
struct figure_names {
    const char *first = "AP", *second = "AP50";
};
constexpr figure_names figure_names_of(log_kind kind) noexcept {
    return kind == log_kind::detection ? figure_names{} : figure_names{"top-1", "top-5"};
}

// What is known after a step. Values that are not known, as the AP of most steps, are no_value.
struct log_row {
    std::uint64_t step = 0; // updates since the beginning of the run
    double epoch = 0;       // with its fraction
    double learning_rate = no_value;
    double loss = no_value;
    double box_loss = no_value, class_loss = no_value; // of a detector, parts of loss
    double ap = no_value, ap50 = no_value;             // of an evaluation of a detector on the validation photos
    double top1 = no_value, top5 = no_value;           // of a classifier: parts of the photos
    double seconds = no_value;                         // of training, over all its parts when it was resumed
};

// The rows of a log of either kind. A last line without its newline, which a killed run may leave, is dropped. Throws
// io_error; format_error naming the line for anything else that append() does not write.
std::vector<log_row> read_log(const std::filesystem::path& path);

class train_log {
public:
    // A new log in place of an old one. Throws io_error.
    explicit train_log(const std::filesystem::path& path, log_kind kind = log_kind::detection);
    // The log of a run that goes on behind `step`: rows of later steps are dropped, in one step on the disk.
    // A missing log is begun anew. Throws as read_log.
    train_log(const std::filesystem::path& path, std::uint64_t step, log_kind kind = log_kind::detection);

    // Throws io_error; what stands in the file stays.
    void append(const log_row& row);
    const std::vector<log_row>& rows() const noexcept { return rows_; }

private:
    void open();

    std::filesystem::path path_;
    log_kind kind_;
    std::vector<log_row> rows_;
    std::ofstream stream_;
};

} // namespace fovea::cli
