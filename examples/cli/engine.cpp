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

using runner = std::variant<classifier, detector, efficientdet_detector>;

std::unique_ptr<runtime_program> build(const model_choice& choice) {
    return std::visit([&](const auto& t) { return std::make_unique<runtime_program>(t, choice.fusion); },
                      choice.table);
}

template <class Table>
runner make_runner(const Table& table, const program_view& program, const state_dict& weights,
                   const load_options& options) {
    if constexpr (std::is_same_v<Table, tables::ssdlite_table> ||
                  std::is_same_v<Table, tables::efficientdet_table>)
        return make_detector(program, table, weights, options);
    else
        return classifier(program, classifier_preset(table), weights, options);
}

// Calls visit(detector) for a runner that is one.
template <class Runner, class Visit>
void for_detector(Runner& model, const Visit& visit) {
    std::visit(
        [&](auto& m) {
            if constexpr (!std::is_same_v<std::decay_t<decltype(m)>, classifier>)
                visit(m);
        },
        model);
}

class arch_engine final : public engine {
public:
    arch_engine(const model_choice& choice, const state_dict* weights) : program_(build(choice)) {
        const state_dict random =
            weights != nullptr ? state_dict() : benchmarks::generated_weights(program_->graph());
        model_.emplace(std::visit(
            [&](const auto& table) {
                return make_runner(table, program_->view(), weights != nullptr ? *weights : random,
                                   choice.load);
            },
            choice.table));
    }

    std::vector<scored_class> classify(image_view photo, std::size_t count) override {
        auto& model = std::get<classifier>(*model_);
        std::vector<scored_class> classes;
        for (const classification& c : model.classify(photo, count))
            classes.push_back({c.label, model.name(c.label), c.score});
        return classes;
    }

    std::vector<found_object> detect(image_view photo) override {
        std::vector<found_object> objects;
        for_detector(*model_, [&](auto& model) {
            for (const detection& d : model.detect(photo))
                objects.push_back({d.label, model.name(d), d.score, d.box});
        });
        return objects;
    }

    void set_score_threshold(float threshold) override {
        for_detector(*model_, [&](auto& model) { model.set_score_threshold(threshold); });
    }

    void use_evaluation_settings() override {
        if (auto* model = std::get_if<efficientdet_detector>(&*model_))
            model->set_decoder(evaluation_settings(model->settings().decoder));
    }

    const std::vector<std::string>& labels() const override {
        return std::visit(
            [](const auto& m) -> const auto& { return m.labels(); }, *model_);
    }

    void use_threads(int threads) override {
        if (threads < 2)
            return;
        threads_ = std::make_unique<thread_executor>(threads);
        net().run_on(*threads_);
    }

    void plan(int batch, int height, int width, bool keep_values) override {
        net().plan(batch, height, width, keep_values);
    }

    void forward(const float* images) noexcept override { net().forward(images); }
    graph_view graph() const noexcept override { return program_->graph(); }
    shape input_shape() const noexcept override { return net().input_shape(); }
    shape shape_of(node_id i) const noexcept override { return net().shape_of(i); }
    span<const float> output(std::size_t i) const noexcept override { return net().output(i); }

    std::vector<box> default_boxes() const override {
        const shape s = input_shape();
        if (const auto* model = std::get_if<detector>(&*model_))
            return boxes_of(graph(), model->settings().boxes, s, [this](node_id i) { return shape_of(i); })
                .to_vector();
        if (const auto* model = std::get_if<efficientdet_detector>(&*model_))
            return efficientdet_anchors(model->settings().anchors, size_of(s)).to_vector();
        return {};
    }

    void for_each_value(
        const std::function<void(node_id, const float*, const map_layout&)>& visit) const override {
        net().for_each_value(visit);
    }

    std::size_t packed_weight_bytes() const noexcept override { return net().packed_weight_bytes(); }
    std::size_t packed_weight_bytes(std::size_t s) const noexcept override {
        const program_view view = program_->view();
        return sizeof(float) * view.kernels[s].packed_floats(layer_channels(view.graph, view.steps[s]));
    }

    std::size_t workspace_bytes() const noexcept override { return net().workspace_bytes(); }
    span<const step> steps() const noexcept override { return program_->view().steps; }
    std::string_view kernel_name(std::size_t s) const noexcept override {
        return program_->view().kernels[s].name;
    }

    const layer& layer_at(std::size_t s) const noexcept override { return net().layer_at(s); }
    void run_step(std::size_t s) const noexcept override { net().run_step(s); }

private:
    network& net() const {
        return std::visit([](auto& m) -> network& { return m.network(); }, *model_);
    }

    std::unique_ptr<runtime_program> program_;
    std::unique_ptr<thread_executor> threads_;
    mutable std::optional<runner> model_; // after what it runs on
};

std::unique_ptr<engine> make_arch_engine(const model_choice& choice, const state_dict* weights) {
    return std::make_unique<arch_engine>(choice, weights);
}

} // namespace

FOVEA_DISPATCH(make_engine, make_arch_engine);
FOVEA_DISPATCH(fma_peak, measured_fma_peak);

} // namespace fovea::cli
