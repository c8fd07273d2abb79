// The subcommands of `fovea`: each function adds one to the program, with its options and what it runs.
#pragma once

namespace CLI {
class App;
}

namespace fovea::cli {

void add_list(CLI::App& app);
void add_info(CLI::App& app);
void add_run(CLI::App& app);
void add_classify(CLI::App& app);
void add_detect(CLI::App& app);
void add_evaluate(CLI::App& app);
void add_bench(CLI::App& app);
void add_fetch(CLI::App& app);
void add_train(CLI::App& app);
void add_curves(CLI::App& app);
void add_anchors(CLI::App& app);

} // namespace fovea::cli
