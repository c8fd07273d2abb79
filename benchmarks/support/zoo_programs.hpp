// The zoo's networks as the benchmarks run them: compiled programs by name, on random weights.
#pragma once

#include "generated_weights.hpp"

#include <fovea/fovea.hpp>
#include <fovea/models/zoo.hpp>

#include <string>
#include <vector>

FOVEA_ARCH_NAMESPACE_BEGIN

struct named_program {
    std::string name;
    program_view program;
};

inline std::vector<named_program> zoo_programs() {
    std::vector<named_program> programs;
    boost::hana::for_each(zoo, [&](const auto& entry) {
        using entry_type = std::decay_t<decltype(entry)>;
        programs.push_back({std::string(entry.name), model<entry_type::table>::program()});
    });
    return programs;
}

// The programs of the given names, all for none. Throws input_error.
inline std::vector<named_program> zoo_programs(const std::vector<std::string>& names) {
    const std::vector<named_program> all = zoo_programs();
    if (names.empty())
        return all;
    std::vector<named_program> chosen;
    for (const std::string& name : names) {
        const auto found =
            std::find_if(all.begin(), all.end(), [&](const named_program& p) { return p.name == name; });
        if (found == all.end())
            throw input_error("no model is called '" + name + "'");
        chosen.push_back(*found);
    }
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
