// Which machine a figure comes from.
#pragma once

#include <fstream>
#include <map>
#include <string>

namespace fovea::benchmarks {

// As lscpu names it, with family and model, which a virtual machine's name may hide. Empty where Linux does
// not tell.
inline std::string processor_name() {
    std::map<std::string, std::string> facts;
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line) && !line.empty();) {
        const std::size_t colon = line.find(':');
        const std::size_t end = line.find_last_not_of(" \t", colon - 1);
        if (colon != std::string::npos && colon + 2 < line.size())
            facts[line.substr(0, end + 1)] = line.substr(colon + 2);
    }
    return facts["model name"] + " (family " + facts["cpu family"] + " model " + facts["model"] + ")";
}

} // namespace fovea::benchmarks
