#include "load_engine.hpp"

#include "download.hpp"

#include <fovea/io/weights.hpp>
#include <fovea/models/efficientdet_names.hpp>
#include <fovea/models/efficientnet_names.hpp>

#include <ssdlite320_blood_cells_file.hpp> // written by fovea_embed_weights()

#include <cstdlib>
#include <filesystem>
#include <utility>

namespace fovea::cli {

namespace {

// Whether a published file fits: none does when classes or channels are others.
bool is_published_form(const model_options& o) {
    return !o.width_mult && !o.depth_mult && !o.reduced_tail && !o.num_classes && o.backbone.empty() &&
           o.scales.empty() && !o.cells && o.cell.empty() && !o.anchor_scale && o.ratios.empty() &&
           (o.labels.empty() || !o.classes.empty());
}

// A file that is given, cached or fetched; empty for the weights that this program holds.
std::filesystem::path find_file(const model_options& o, const model_choice& choice) {
    if (!o.weights.empty())
        return o.weights;
    if (const char* named = std::getenv("FOVEA_WEIGHTS"); named != nullptr && *named != '\0')
        return named;
    if (!is_published_form(o))
        throw io_error("no weights are published for this variant of " + o.model +
                       "; give a file with --weights or FOVEA_WEIGHTS");
    if (choice.published[0].file.empty())
        return {};
    for (const published_weights& p : choice.published)
        if (const auto path = cached_file(p.file); std::filesystem::exists(path))
            return path;
    try {
        return fetch(choice.published[0]);
    } catch (const error& e) {
        throw io_error("no weights for " + o.model + ": give a file with --weights or FOVEA_WEIGHTS (" +
                       e.what() + "). `fovea detect ssdlite320_blood_cells` needs no file");
    }
}

// Some published classification files were evaluated with a resize of their own; they are known by their
// names.
void apply_published_resize(const std::filesystem::path& weights, const model_options& o,
                            model_choice& choice) {
    for (const published_weights& p : choice.published) {
        if (weights.filename() != p.file)
            continue;
        if (p.resize > 0 && !o.resize && !o.input_size)
            std::visit(
                [&](auto& table) {
                    using table_type = std::decay_t<decltype(table)>;
                    if constexpr (!std::is_same_v<table_type, tables::ssdlite_table> &&
                                  !std::is_same_v<table_type, tables::efficientdet_table>)
                        table = table.with_resize(p.resize);
                },
                choice.table);
        if (auto* table = std::get_if<tables::efficientnet_table>(&choice.table);
            table != nullptr && p.filter)
            *table = table->with_filter(*p.filter);
    }
}

// An EfficientNet takes the names that its weights have, torchvision's or a port's; an EfficientDet those of
// either port.
void apply_names(const state_dict& weights, model_choice& choice) {
    if (auto* table = std::get_if<tables::efficientnet_table>(&choice.table))
        if (const auto names = efficientnet_names_of(weights))
            *table = table->with_names(*names);
    if (auto* table = std::get_if<tables::efficientdet_table>(&choice.table))
        if (const auto names = efficientdet_names_of(weights))
            *table = table->with_names(*names);
}

// Weights and the file's name, for messages.
std::pair<state_dict, std::string> find_weights(const model_options& o, model_choice& choice) {
    const std::filesystem::path path = find_file(o, choice);
    if (path.empty())
        return {read_weights(ssdlite320_blood_cells_file(), "embedded weights"), "embedded weights"};
    apply_published_resize(path, o, choice);
    std::pair<state_dict, std::string> found{read_weights(path), path.string()};
    apply_names(found.first, choice);
    return found;
}

} // namespace

std::unique_ptr<engine> load_engine(const model_options& o) {
    model_choice choice = choose(o);
    choice.fusion = o.fusion;
    const auto [weights, file] = find_weights(o, choice);
    try {
        std::unique_ptr<engine> model = make_engine(choice, &weights);
        model->use_threads(o.threads);
        return model;
    } catch (const weights_error& e) {
        throw weights_error(file + ": " + e.what());
    }
}

} // namespace fovea::cli
