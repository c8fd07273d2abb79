// The zoo's networks as the benchmarks run them: programs by name, on random weights. They are built at run time: all
// kernels are compiled once, and none of the tables.
#pragma once

#include "generated_weights.hpp"

#include <fovea/fovea.hpp>
#include <fovea/models/zoo.hpp>
#include <fovea/program/runtime_program.hpp>

#include <memory>
#include <string>
#include <vector>

FOVEA_ARCH_NAMESPACE_BEGIN

struct named_program {
    std::string name;
    std::shared_ptr<const runtime_program> owner;
    program_view program;
};

// The programs of the given names, in that order; all in the zoo's for none. Throws input_error.
inline std::vector<named_program> zoo_programs(const std::vector<std::string>& names) {
    std::vector<named_program> chosen;
    const auto choose = [&](std::string_view name) {
        const std::size_t before = chosen.size();
        boost::hana::for_each(zoo, [&](const auto& entry) {
            if (!name.empty() && entry.name != name)
                return;
            const auto program = std::make_shared<const runtime_program>(entry.table);
            chosen.push_back({std::string(entry.name), program, program->view()});
        });
        if (chosen.size() == before)
            throw input_error("no model is called '" + std::string(name) + "'");
    };
    for (const std::string& name : names)
        choose(name);
    if (names.empty())
        choose({});
    return chosen;
}

// A network with an image to run it on.
class random_network {
public:
    explicit random_network(const program_view& program)
        : net_(program, benchmarks::generated_weights(program.graph)), image_(net_.input_shape().size()) {
        for (std::size_t i = 0; i < image_.size(); ++i)
            image_[i] = std::sin(static_cast<float>(i % 9973) * 0.01F);
    }

    fovea::network& network() noexcept { return net_; }
    void forward() noexcept { net_.forward(image_.data()); }

private:
    fovea::network net_;
    std::vector<float> image_;
};

FOVEA_ARCH_NAMESPACE_END
