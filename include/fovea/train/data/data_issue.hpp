// What was wrong in a data set and what was done about it: reports of readers and loaders, as data.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace fovea {

// One finding. `line` counts from 1; 0 is the file as a whole.
struct data_issue {
    std::string file;
    std::size_t line = 0;
    std::string what;   // e.g. "box (504, 337, 504, 337) of RBC has no area"
    std::string action; // e.g. "dropped"
};

// "file:line: what; action", as compilers write it.
inline std::string to_text(const data_issue& issue) {
    const std::string line = issue.line == 0 ? std::string() : ":" + std::to_string(issue.line);
    return issue.file + line + ": " + issue.what + "; " + issue.action;
}

// One line an issue.
inline std::string to_text(const std::vector<data_issue>& issues) {
    std::string text;
    for (const data_issue& issue : issues)
        text += to_text(issue) + "\n";
    return text;
}

} // namespace fovea
