#include "model_classes.hpp"

#include "validators.hpp"

#include <fovea/io/file.hpp>
#include <fovea/io/labels.hpp>

#include <algorithm>
#include <sstream>

namespace fovea::cli {

namespace {

int classes_of(const any_table& table) {
    return std::visit([](const auto& t) { return t.num_classes; }, table);
}

void set_classes(any_table& table, int count) {
    std::visit([count](auto& t) { t = t.with_classes(count); }, table);
}

std::vector<std::string> read_lines(const std::string& path) {
    const file_bytes bytes = read_file(path);
    std::istringstream text(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    std::vector<std::string> lines;
    for (std::string line; std::getline(text, line); lines.push_back(line))
        if (!line.empty() && line.back() == '\r')
            line.pop_back();
    while (!lines.empty() && lines.back().empty())
        lines.pop_back();
    return lines;
}

// Names by label from a file, one a line. A detector's background may be left out. Sets the number of
// classes.
std::vector<std::string> read_labels(const model_options& o, model_choice& choice) {
    std::vector<std::string> labels = read_lines(o.labels);
    const bool has_background =
        !labels.empty() && (labels[0] == "__background__" || labels[0] == "background");
    if (choice.what == model_task::detection && !has_background)
        labels.insert(labels.begin(), "__background__");
    const int classes = static_cast<int>(labels.size()) - labels_without_class(choice.table);
    if (classes < 1)
        throw format_error(o.labels + ": expected one class name a line, found none");
    if (o.num_classes && *o.num_classes != classes)
        throw format_error(o.labels + ": expected names for " + std::to_string(*o.num_classes) +
                           " classes, found " + std::to_string(classes));
    set_classes(choice.table, classes);
    return labels;
}

// What load_options takes: names by class.
std::vector<std::string> by_class(std::vector<std::string> labels, const any_table& table) {
    if (!labels.empty())
        labels.erase(labels.begin(), labels.begin() + labels_without_class(table));
    return labels;
}

// The class that `text` means: a name that occurs once, or a number.
int class_index(const std::string& text, const std::vector<std::string>& labels) {
    const auto found = std::find(labels.begin(), labels.end(), text);
    if (found != labels.end()) {
        const auto again = std::find(found + 1, labels.end(), text);
        if (again != labels.end())
            refuse("--classes", "'" + text + "' names classes " + std::to_string(found - labels.begin()) +
                                    " and " + std::to_string(again - labels.begin()) + "; give a number");
        return static_cast<int>(found - labels.begin());
    }
    const bool is_number = !text.empty() && text.size() < 7 &&
                           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
    const int index = is_number ? std::stoi(text) : -1;
    if (index < 0 || static_cast<std::size_t>(index) >= labels.size())
        refuse("--classes",
               "'" + text + "' is none of the checkpoint's " + std::to_string(labels.size()) + " classes");
    return index;
}

// Keeps the chosen classes of the checkpoint, for SSD the background as well.
void take_classes(const model_options& o, model_choice& choice, std::vector<std::string> labels) {
    const int first = labels_without_class(choice.table);
    if (labels.empty())
        labels = default_labels(static_cast<std::size_t>(classes_of(choice.table) + first));
    std::vector<int> taken; // labels
    if (choice.what == model_task::detection)
        taken.push_back(0);
    for (const std::string& text : o.classes) {
        const int index = class_index(text, labels);
        if (std::find(taken.begin(), taken.end(), index) != taken.end())
            refuse("--classes", "'" + text + "' is there twice or is the background");
        taken.push_back(index);
    }
    taken.erase(taken.begin(), taken.begin() + first);
    for (int index : taken) {
        choice.load.classes.push_back(index - first);
        choice.load.labels.push_back(labels[static_cast<std::size_t>(index)]);
    }
    set_classes(choice.table, static_cast<int>(taken.size()));
}

} // namespace

int labels_without_class(const any_table& table) noexcept {
    return std::holds_alternative<tables::efficientdet_table>(table) ? 1 : 0;
}

void choose_classes(const model_options& o, span<const std::string_view> own, model_choice& choice) {
    std::vector<std::string> labels;
    if (!o.num_classes)
        labels.assign(own.begin(), own.end());
    if (!o.labels.empty())
        labels = read_labels(o, choice);
    if (o.classes.empty())
        choice.load.labels = by_class(std::move(labels), choice.table);
    else
        take_classes(o, choice, std::move(labels));
}

} // namespace fovea::cli
