#include "model_choice.hpp"

#include "model_classes.hpp"
#include "validators.hpp"

namespace fovea::cli {

model_choice choose(const model_options& o) {
    model_choice choice;
    span<const std::string_view> own_labels;
    boost::hana::for_each(zoo, [&](const auto& entry) {
        if (entry.name != o.model)
            return;
        choice = {o.model, entry.what, entry.weights, with_options(entry.table, o), {}};
        own_labels = entry.labels;
    });
    choose_classes(o, own_labels, choice);
    choice.load.skip_heads = o.skip_heads;
    choice.load.ignore_unexpected = o.features_only;
    for (const std::string& text : o.rename) {
        const std::size_t equals = text.find('=');
        if (equals == std::string::npos)
            refuse("--rename", "expected from=to, found '" + text + "'");
        choice.load.rename.emplace_back(text.substr(0, equals), text.substr(equals + 1));
    }
    return choice;
}

} // namespace fovea::cli
