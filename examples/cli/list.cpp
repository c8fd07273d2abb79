// fovea list: the models by name.
#include "commands.hpp"

#include <fovea/models/zoo.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>

namespace fovea::cli {

namespace {

void list() {
    boost::hana::for_each(zoo, [](const auto& entry) {
        std::printf("%-31s %s\n", std::string(entry.name).c_str(), std::string(name_of(entry.what)).c_str());
        for (const published_weights& p : entry.weights)
            std::printf("    %-13s %s\n", std::string(p.tag).c_str(),
                        p.file.empty() ? "in this program" : std::string(p.file).c_str());
    });
}

} // namespace

void add_list(CLI::App& app) {
    app.add_subcommand("list", "Names the models and their published weights")->callback(&list);
}

} // namespace fovea::cli
