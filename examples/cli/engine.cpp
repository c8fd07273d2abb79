#include "engine.hpp"

#include "../../benchmarks/support/fma_peak.hpp"
#include "../../benchmarks/support/generated_weights.hpp"

#include <fovea/models/classifier.hpp>
#include <fovea/models/detector.hpp>
#include <fovea/program/runtime_program.hpp>
#include <fovea/program/thread_executor.hpp>

#include <optional>

namespace fovea::cli {

namespace {

using runner = std::variant<classifier, detector>;

std::unique_ptr<runtime_program> build(const any_table& table) {
    return std::visit([](const auto& t) { return std::make_unique<runtime_program>(t); }, table);
}

template <class Table>
runner make_runner(const Table& table, const program_view& program, const state_dict& weights,
                   const load_options& options) {
    if constexpr (std::is_same_v<Table, tables::ssdlite_table>)
        return detector(program, settings_of(table), weights, options);
    else
        return classifier(program, classifier_preset(table), weights, options);
}

} // namespace

struct engine::parts {
    std::unique_ptr<runtime_program> program;
    std::unique_ptr<thread_executor> threads;
    std::optional<runner> model;

    network& net() {
        return std::visit([](auto& m) -> network& { return m.network(); }, *model);
    }
    void set_model(const model_choice& choice, const state_dict& weights) {
        const program_view view = program->view();
        model.emplace(std::visit(
            [&](const auto& table) { return make_runner(table, view, weights, choice.load); }, choice.table));
    }
};

engine::engine(const model_choice& choice, const state_dict& weights) : parts_(new parts) {
    parts_->program = build(choice.table);
    parts_->set_model(choice, weights);
}

engine::engine(const model_choice& choice) : parts_(new parts) {
    parts_->program = build(choice.table);
    parts_->set_model(choice, benchmarks::generated_weights(parts_->program->graph()));
}

engine::engine(engine&& other) noexcept = default;
engine::~engine() = default;

const char* engine::arch() noexcept {
    return arch_name;
}

double engine::fma_peak() noexcept {
    return measured_fma_peak();
}

std::vector<scored_class> engine::classify(image_view photo, std::size_t count) {
    auto& model = std::get<classifier>(*parts_->model);
    std::vector<scored_class> classes;
    for (const classification& c : model.classify(photo, count))
        classes.push_back({c.label, model.name(c.label), c.score});
    return classes;
}

std::vector<found_object> engine::detect(image_view photo) {
    auto& model = std::get<detector>(*parts_->model);
    std::vector<found_object> objects;
    for (const detection& d : model.detect(photo))
        objects.push_back({d.label, model.name(d), d.score, d.box});
    return objects;
}

void engine::set_score_threshold(float threshold) {
    std::get<detector>(*parts_->model).set_score_threshold(threshold);
}

const std::vector<std::string>& engine::labels() const {
    return std::visit(
        [](const auto& m) -> const auto& { return m.labels(); }, *parts_->model);
}

void engine::use_threads(int threads) {
    if (threads < 2)
        return;
    parts_->threads = std::make_unique<thread_executor>(threads);
    parts_->net().run_on(*parts_->threads);
}

void engine::plan(int batch, int height, int width, bool keep_values) {
    parts_->net().plan(batch, height, width, keep_values);
}

void engine::forward(const float* images) noexcept {
    parts_->net().forward(images);
}

graph_view engine::graph() const noexcept {
    return parts_->program->graph();
}

shape engine::input_shape() const noexcept {
    return parts_->net().input_shape();
}

shape engine::shape_of(node_id i) const noexcept {
    return parts_->net().shape_of(i);
}

span<const float> engine::output(std::size_t i) const noexcept {
    return parts_->net().output(i);
}

std::vector<box> engine::default_boxes() const {
    const auto* model = std::get_if<detector>(&*parts_->model);
    if (model == nullptr)
        return {};
    return boxes_of(graph(), model->settings().boxes, input_shape(),
                    [this](node_id i) { return shape_of(i); })
        .to_vector();
}

void engine::for_each_value(
    const std::function<void(node_id, const float*, const map_layout&)>& visit) const {
    parts_->net().for_each_value(visit);
}

std::size_t engine::packed_weight_bytes() const noexcept {
    return parts_->net().packed_weight_bytes();
}

std::size_t engine::packed_weight_bytes(std::size_t s) const noexcept {
    const program_view view = parts_->program->view();
    return sizeof(float) * view.kernels[s].packed_floats(layer_channels(view.graph, view.steps[s]));
}

std::size_t engine::workspace_bytes() const noexcept {
    return parts_->net().workspace_bytes();
}

span<const step> engine::steps() const noexcept {
    return parts_->program->view().steps;
}

std::string_view engine::kernel_name(std::size_t s) const noexcept {
    return parts_->program->view().kernels[s].name;
}

const layer& engine::layer_at(std::size_t s) const noexcept {
    return parts_->net().layer_at(s);
}

void engine::run_step(std::size_t s) const noexcept {
    parts_->net().run_step(s);
}

} // namespace fovea::cli
