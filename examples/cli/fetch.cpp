// fovea fetch: a model's published weights into the cache.
#include "commands.hpp"
#include "download.hpp"
#include "validators.hpp"

#include <fovea/error.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>
#include <optional>

namespace fovea::cli {

namespace {

struct fetch_options {
    std::string model, tag, url;
};

// The weights that the options name. Throws CLI::ValidationError where there are none to fetch.
published_weights chosen_weights(const fetch_options& o) {
    std::optional<published_weights> chosen;
    std::string tags;
    boost::hana::for_each(zoo, [&](const auto& entry) {
        if (entry.name != o.model)
            return;
        for (const published_weights& p : entry.weights) {
            if (p.file.empty())
                refuse("MODEL", "the weights of " + o.model + " are in this program");
            if (!chosen && (o.tag.empty() || o.tag == p.tag))
                chosen = p;
            tags += (tags.empty() ? "" : ", ") + std::string(p.tag);
        }
    });
    if (!chosen)
        refuse("--tag", "no weights '" + o.tag + "' of " + o.model + "; there are " + tags);
    return *chosen;
}

void run_fetch(const fetch_options& o) {
    const published_weights weights = chosen_weights(o);
    const std::string url = o.url.empty() ? published_url(weights) : o.url;
    std::printf("%s\n", fetch(url, std::string(weights.file), weights.has_digits || !o.url.empty()).c_str());
}

} // namespace

void add_fetch(CLI::App& app) {
    auto* command = app.add_subcommand("fetch", "Downloads published weights, checks and caches them");
    const auto o = std::make_shared<fetch_options>();
    command->add_option("MODEL", o->model, "A model that `fovea list` names")
        ->required()
        ->check(known_model());
    command->add_option("--tag", o->tag,
                        "Which of the weights that `fovea list` names; the first by default");
    command->add_option("--url", o->url, "Another place of the file")->group(""); // for tests and mirrors
    command->callback([o] { run_fetch(*o); });
}

} // namespace fovea::cli
