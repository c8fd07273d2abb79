// Which classes a model has and what they are called: --labels, --classes and --num-classes.
#pragma once

#include "model_choice.hpp"

namespace fovea::cli {

// Labels of a detector begin with the background. SSD has a class for it, EfficientDet has none.
int labels_without_class(const any_table& table) noexcept;

// Sets the table's number of classes and what `choice` loads of a checkpoint's classes. `own`: the model's
// names of its classes; none where a published list has them. Throws CLI::ValidationError for classes that
// the model does not have, io_error when the labels cannot be read, format_error when they are not those of
// the classes.
void choose_classes(const model_options& options, span<const std::string_view> own, model_choice& choice);

} // namespace fovea::cli
