#include "train_run.hpp"

#include <chrono>
#include <cinttypes>
#include <cmath>
#include <cstdio>

namespace fovea::cli {

namespace {

std::string number_text(const char* format, double value) {
    char text[64];
    std::snprintf(text, sizeof text, format, value);
    return text;
}

} // namespace

train_run::train_run(const train_parts& parts)
    : parts_(parts), batches_(parts.loader.batches_per_epoch()),
      checkpoints_(parts.folder.checkpoints(), parts.rhythm.checkpoint_every, batches_) {}

void train_run::resume() {
    const resumed_checkpoint last = parts_.folder.checkpoints().load();
    if (!last.warning.empty())
        std::fprintf(stderr, "fovea: warning: %s\n", last.warning.c_str());
    const training_state& s = last.state;
    require_same_settings(s, parts_.settings, last.path.string());
    if (const auto arch = s.texts.find("arch");
        arch != s.texts.end() && arch->second != make_train_engine.arch())
        std::fprintf(stderr,
                     "fovea: warning: the run began with %s and goes on with %s: it will round differently\n",
                     arch->second.c_str(), make_train_engine.arch());
    parts_.engine.restore(s);
    parts_.schedule.restore(s);
    at_.restore(s);
    checkpoints_.resume(at_);
    parts_.loader.seek({at_.step / batches_, at_.step % batches_});
    log_.emplace(parts_.folder.log(), at_.step, parts_.kind);
    std::fprintf(stderr, "fovea: going on behind step %" PRIu64 " of %" PRIu64 "\n", at_.step,
                 parts_.schedule.steps());
}

int train_run::operator()() {
    if (!log_)
        log_.emplace(parts_.folder.log(), parts_.kind);
    pace_ = {};
    checkpoints_.begin(seconds());
    for (;;) {
        const bool stops = interrupt_.requested() && !between_updates();
        if (stops || (evaluation_is_due() && !evaluate())) {
            save_now();
            parts_.folder.write_curves(log_->rows());
            bar_.print("stopped behind step " + std::to_string(at_.step) + "; --resume goes on");
            return interrupt_.signal();
        }
        if (at_.step == parts_.schedule.steps())
            break;
        checkpoint_if_due();
        train_step();
    }
    finish();
    return 0;
}

void train_run::train_step() {
    const auto began = pace::clock::now();
    const image_batch* batch = nullptr;
    try {
        batch = &parts_.loader.next();
    } catch (...) {
        if (!between_updates())
            save_now();
        throw;
    }
    const double rate = parts_.schedule.rate(at_.step);
    const train_result result = parts_.engine.step(batch->images.data(), parts_.loader.truths(), rate);
    if (!result.is_finite) {
        checkpoints_.drop();
        stop_not_finite(*batch, parts_.engine.find_non_finite(batch->images.data()));
    }
    checkpoints_.release(); // an error ends the run at once
    ++at_.step;
    log_step(result, rate);
    pace_.add_step(batch->count, std::chrono::duration<double>(pace::clock::now() - began).count());
    bar_.show(static_cast<double>(at_.step) / static_cast<double>(parts_.schedule.steps()),
              training_details(loss_, at_.first, at_.second, pace_, parts_.schedule.steps() - at_.step,
                               figure_names_of(parts_.kind)));
    if (at_.step % batches_ == 0)
        end_epoch();
}

void train_run::log_step(const train_result& result, double rate) {
    loss_ = result.loss();
    at_.losses[0] += result.classification;
    at_.losses[1] += result.bbox_regression;
    if (++at_.logged < parts_.rhythm.log_every)
        return;
    log_row row = row_now();
    row.learning_rate = rate;
    row.class_loss = at_.losses[0] / static_cast<double>(at_.logged);
    row.box_loss = at_.losses[1] / static_cast<double>(at_.logged);
    row.loss = row.class_loss + row.box_loss;
    log_->append(row);
    at_.losses[0] = at_.losses[1] = 0;
    at_.logged = 0;
}

void train_run::stop_not_finite(const image_batch& batch, const std::string& where) const {
    std::string text = "the loss or a gradient is not finite in epoch " +
                       std::to_string(batch.position.epoch + 1) + ", step " + std::to_string(at_.step + 1) +
                       " (batch " + std::to_string(batch.position.batch + 1) + " of " +
                       std::to_string(batches_) + "): " + where + "\nthe photos of the batch:";
    for (const std::string& file : batch.files)
        text += "\n  " + file;
    const std::uint64_t saved = checkpoints_.saved_step();
    text += saved > 0 ? "\nthe last good checkpoint, of step " + std::to_string(saved) + ", is " +
                            parts_.folder.checkpoints().last().string()
                      : "\nthere is no checkpoint yet";
    throw error(text + "\na smaller --lr, a longer --warmup-steps or --clip-norm may help");
}

bool train_run::evaluation_is_due() const noexcept {
    if (parts_.evaluation == nullptr || at_.step == 0 || at_.evaluated == at_.step)
        return false;
    const std::uint64_t every = parts_.rhythm.eval_every * batches_;
    return at_.step == parts_.schedule.steps() || (every != 0 && at_.step % every == 0);
}

bool train_run::evaluate() {
    const state_dict weights = parts_.engine.weights();
    bar_.set_title("evaluating");
    const auto watch = [this](double fraction) {
        bar_.show(fraction);
        return !interrupt_.requested();
    };
    validation_figures figures;
    const bool done = (*parts_.evaluation)(weights, watch, figures);
    bar_.set_title("training");
    if (!done)
        return false;
    at_.evaluated = at_.step;
    at_.first = figures.first;
    at_.second = figures.second;
    classes_ = figures.classes;
    parts_.schedule.observe(at_.first);
    log_figures();
    const bool is_best = keep_best(weights);
    parts_.folder.write_curves(log_->rows());
    bar_.print("epoch " + number_text("%g", epoch()) + number_text("  loss %.4g  ", loss_) +
               figures_text("%s %.4f  %s %.4f") + (is_best ? "  best" : "") + "  " +
               duration_text(seconds()));
    return true;
}

// Whether the figures are the best so far; the weights are then written.
bool train_run::keep_best(const state_dict& weights) {
    if (!(at_.first > at_.best))
        return false;
    at_.best = at_.first;
    at_.best_step = at_.step;
    if (parts_.rhythm.keep_best)
        parts_.folder.write_best(weights, "step " + std::to_string(at_.step) + ", " +
                                              figures_text("%s %.5f, %s %.5f"));
    return true;
}

// The figures of the last evaluation, each a name and a number.
std::string train_run::figures_text(const char* format) const {
    const figure_names names = figure_names_of(parts_.kind);
    char text[64];
    std::snprintf(text, sizeof text, format, names.first, at_.first, names.second, at_.second);
    return text;
}

log_row train_run::row_now() const {
    log_row row;
    row.step = at_.step;
    row.epoch = epoch();
    row.seconds = seconds();
    return row;
}

void train_run::log_figures() {
    log_row row = row_now();
    if (parts_.kind == log_kind::detection) {
        row.ap = at_.first;
        row.ap50 = at_.second;
    } else {
        row.top1 = at_.first;
        row.top5 = at_.second;
    }
    log_->append(row);
}

void train_run::end_epoch() {
    report_issues();
    if (isatty(STDERR_FILENO) != 1 && !evaluation_is_due()) // without a bar it is all there is to see
        bar_.print("epoch " + number_text("%g", epoch()) + number_text("  loss %.4g", loss_) + "  " +
                   duration_text(seconds()) + ", ends in " +
                   duration_text(pace_.seconds_left(parts_.schedule.steps() - at_.step)));
}

// Photos that the loader has left out since the last call.
void train_run::report_issues() {
    const std::vector<data_issue> found = parts_.loader.issues();
    if (found.size() == left_out_)
        return;
    for (; left_out_ < found.size(); ++left_out_) {
        parts_.issues.push_back(found[left_out_]);
        bar_.print(to_text(found[left_out_]));
    }
    parts_.folder.write_issues(parts_.issues);
}

training_state train_run::state() const {
    training_state s;
    parts_.engine.save(s);
    parts_.schedule.save(s);
    at_.save(s, seconds());
    s.texts["arch"] = make_train_engine.arch();
    s.settings = parts_.settings;
    return s;
}

void train_run::checkpoint_if_due() {
    if (!between_updates() && checkpoints_.is_due(at_.step, seconds()))
        checkpoints_.hold(state(), seconds());
}

void train_run::save_now() {
    checkpoints_.drop();
    if (!checkpoints_.has(at_)) // also before the first step
        checkpoints_.save(state());
}

void train_run::finish() {
    save_now();
    parts_.folder.write_final(parts_.engine.weights(), "step " + std::to_string(at_.step),
                              parts_.rhythm.half);
    parts_.folder.write_curves(log_->rows());
    report_issues();
    std::string line = "trained: " + std::to_string(at_.step) + " steps in " + duration_text(seconds());
    if (parts_.evaluation != nullptr) {
        if (!classes_.empty())
            bar_.print(classes_);
        line += std::string("; best ") + figure_names_of(parts_.kind).first + number_text(" %.4f", at_.best) +
                " behind step " + std::to_string(at_.best_step);
    }
    bar_.print(line + "; " + parts_.folder.path().string());
}

} // namespace fovea::cli
