#include "train_log.hpp"

#include <fovea/error.hpp>
#include <fovea/io/atomic_file.hpp>
#include <fovea/io/file.hpp>
#include <fovea/tensor/view.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <string_view>

namespace fovea::cli {

namespace {

// The columns behind `step`, in their order.
constexpr double log_row::*detection_columns[] = {&log_row::epoch,    &log_row::learning_rate, &log_row::loss,
                                                  &log_row::box_loss, &log_row::class_loss,    &log_row::ap,
                                                  &log_row::ap50,     &log_row::seconds};
constexpr double log_row::*classification_columns[] = {&log_row::epoch, &log_row::learning_rate, &log_row::loss,
                                                       &log_row::top1,  &log_row::top5,          &log_row::seconds};

struct log_format {
    std::string_view header;
    span<double log_row::*const> columns;
};

log_format format_of(log_kind kind) noexcept {
    if (kind == log_kind::detection)
        return {"step,epoch,learning_rate,loss,box_loss,class_loss,AP,AP50,seconds\n", detection_columns};
    return {"step,epoch,learning_rate,loss,top1,top5,seconds\n", classification_columns};
}

// The shortest text that reads back exactly; empty for no_value. An infinite loss is "inf".
std::string log_cell(double value) {
    char text[32];
    return std::isnan(value) ? "" : std::string(text, std::to_chars(text, text + sizeof text, value).ptr);
}

std::string log_line(const log_row& row, log_kind kind) {
    std::string line = std::to_string(row.step);
    for (double log_row::*column : format_of(kind).columns)
        line += ',' + log_cell(row.*column);
    return line + '\n';
}

// Reads cells from the left of a line.
class log_cells {
public:
    explicit log_cells(std::string_view line) : line_(line) {}

    template <class Number>
    bool read(Number& value) {
        const std::size_t comma = std::min(line_.find(','), line_.size());
        const std::string_view cell = line_.substr(0, comma);
        at_end_ = comma == line_.size();
        line_.remove_prefix(at_end_ ? comma : comma + 1);
        const auto [last, code] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
        return code == std::errc() && last == cell.data() + cell.size();
    }
    bool read_or_empty(double& value) {
        const bool empty = line_.empty() || line_.front() == ',';
        if (!empty)
            return read(value);
        value = no_value;
        at_end_ = line_.empty();
        line_.remove_prefix(at_end_ ? 0 : 1);
        return true;
    }
    bool at_end() const noexcept { return at_end_; }

private:
    std::string_view line_;
    bool at_end_ = false;
};

bool parse_log_line(std::string_view line, const log_format& format, log_row& row) {
    log_cells cells(line);
    if (!cells.read(row.step))
        return false;
    for (double log_row::*column : format.columns)
        if (cells.at_end() || !cells.read_or_empty(row.*column))
            return false;
    return cells.at_end();
}

} // namespace

std::vector<log_row> read_log(const std::filesystem::path& path) {
    const file_bytes bytes = read_file(path);
    std::string_view text = fovea::detail::as_text(byte_span(bytes));
    const auto begins_as = [&](log_kind kind) {
        const std::string_view header = format_of(kind).header;
        return text.substr(0, header.size()) == header;
    };
    const log_format format =
        format_of(begins_as(log_kind::classification) ? log_kind::classification : log_kind::detection);
    if (text.substr(0, format.header.size()) != format.header)
        throw format_error(path.string() + ": expected a log of training that begins with '" +
                           std::string(format.header.substr(0, format.header.size() - 1)) + "'");
    std::vector<log_row> rows;
    std::size_t line = 2;
    text.remove_prefix(format.header.size());
    for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n'), ++line) {
        log_row row;
        if (!parse_log_line(text.substr(0, end), format, row))
            throw format_error(path.string() + ":" + std::to_string(line) + ": expected " +
                               std::to_string(format.columns.size() + 1) + " numbers, found '" +
                               std::string(text.substr(0, end)) + "'");
        rows.push_back(row);
        text.remove_prefix(end + 1);
    }
    return rows;
}

train_log::train_log(const std::filesystem::path& path, log_kind kind) : path_(path), kind_(kind) {
    write_file_atomically(path, format_of(kind).header);
    open();
}

train_log::train_log(const std::filesystem::path& path, std::uint64_t step, log_kind kind)
    : path_(path), kind_(kind) {
    if (std::filesystem::exists(path))
        rows_ = read_log(path);
    rows_.erase(
        std::remove_if(rows_.begin(), rows_.end(), [&](const log_row& row) { return row.step > step; }),
        rows_.end());
    std::string text(format_of(kind).header);
    for (const log_row& row : rows_)
        text += log_line(row, kind);
    write_file_atomically(path, text);
    open();
}

void train_log::append(const log_row& row) {
    stream_ << log_line(row, kind_) << std::flush;
    if (!stream_)
        throw io_error(path_.string() + ": cannot be written: " + std::generic_category().message(errno));
    rows_.push_back(row);
}

void train_log::open() {
    stream_.open(path_, std::ios::binary | std::ios::app);
    if (!stream_)
        throw io_error(path_.string() + ": cannot be opened to append");
}

} // namespace fovea::cli
