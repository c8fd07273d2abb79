// fovea: the command line. docs/command_line.md has every command with an example.
#include "cli/commands.hpp"
#include "cli/engine.hpp"

#include <fovea/version.hpp>

#include <CLI/CLI.hpp>

#include <exception>
#include <iostream>
#include <new>

namespace {

constexpr int runtime_error = 1, usage_error = 2;

std::string version_text() {
    return "fovea " + std::to_string(FOVEA_VERSION_MAJOR) + "." + std::to_string(FOVEA_VERSION_MINOR) + "." +
           std::to_string(FOVEA_VERSION_PATCH) + " (" + fovea::cli::make_engine.arch() + ")";
}

int fail(const char* what) {
    std::cerr << "fovea: error: " << what << '\n';
    return runtime_error;
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app("Vision networks from constexpr tables: classify, detect, evaluate, measure.", "fovea");
    app.set_version_flag("--version", &version_text);
    app.require_subcommand(1);
    fovea::cli::add_list(app);
    fovea::cli::add_info(app);
    fovea::cli::add_run(app);
    fovea::cli::add_classify(app);
    fovea::cli::add_detect(app);
    fovea::cli::add_evaluate(app);
    fovea::cli::add_bench(app);
    fovea::cli::add_fetch(app);
    fovea::cli::add_train(app);
    fovea::cli::add_curves(app);
    fovea::cli::add_anchors(app);
    try {
        app.parse(argc, argv);
        return 0;
    } catch (const CLI::RuntimeError& e) { // a command's own exit code
        return e.get_exit_code();
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? 0 : usage_error;
    } catch (const std::bad_alloc&) {
        return fail("out of memory");
    } catch (const std::exception& e) {
        return fail(e.what());
    }
}
