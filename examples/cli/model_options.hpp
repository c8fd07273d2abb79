// The options by which every command names a model and changes its table and its weights.
#pragma once

#include <fovea/graph/fuse_blocks.hpp>

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace fovea::cli {

// The options that every model command shares.
struct model_options {
    std::string model;
    std::optional<double> width_mult, depth_mult;
    std::optional<bool> reduced_tail;
    bool dilated = false;
    std::optional<int> num_classes;
    std::optional<std::array<int, 2>> input_size; // height, width
    std::optional<int> resize;
    bool features_only = false;
    std::string backbone;
    std::vector<double> scales;                // of default boxes; none: the table's
    std::optional<int> cells;                  // of EfficientDet's pyramid
    std::string cell;                          // likewise: "bifpn", "fpn" or "panet"; empty: the table's
    std::optional<double> anchor_scale;        // of EfficientDet's anchors
    std::vector<std::array<double, 2>> ratios; // likewise: widths and heights of area 1; none: the table's

    std::string weights;
    std::vector<std::string> classes; // names or numbers, of the checkpoint's classes
    std::string labels;               // file
    bool skip_heads = false;
    std::vector<std::string> rename; // from=to
    int threads = 1;
    fusion_level fusion = fusion_level::blocks; // no option: what a command needs
};

// MODEL and the options that change its table.
void add_table_options(CLI::App& command, model_options& options);
// --weights and the options that change how they are read; --threads.
void add_weight_options(CLI::App& command, model_options& options);

} // namespace fovea::cli
