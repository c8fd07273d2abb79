// fovea curves: the picture of a training log, while the run goes on or afterwards.
#include "commands.hpp"
#include "curves.hpp"

#include <fovea/io/atomic_file.hpp>

#include <CLI/CLI.hpp>

#include <filesystem>
#include <memory>

namespace fovea::cli {

namespace {

struct curves_options {
    std::string log, out, title;
};

void run_curves(const curves_options& o) {
    const std::filesystem::path log = o.log;
    const std::filesystem::path out =
        o.out.empty() ? std::filesystem::path(log).replace_extension(".png") : std::filesystem::path(o.out);
    const std::string title =
        o.title.empty() ? std::filesystem::absolute(log).parent_path().filename().string() : o.title;
    write_file_atomically(out, draw_curves(read_log(log), title));
    std::printf("drawn: %s\n", out.c_str());
}

} // namespace

void add_curves(CLI::App& app) {
    auto* command = app.add_subcommand("curves", "Loss, learning rate and AP of a training log as a picture");
    const auto o = std::make_shared<curves_options>();
    command->add_option("LOG", o->log, "log.csv of a run")->required()->check(CLI::ExistingFile);
    command->add_option("--out", o->out, "PNG to write; without it the log's name with .png");
    command->add_option("--title", o->title, "Words above the curves; without them the run's folder");
    command->callback([o] { run_curves(*o); });
}

} // namespace fovea::cli
