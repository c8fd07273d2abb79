// error: graph_error<fovea::fault::table_channels, 1, 24, 16>
// The second row takes 24 channels where the first leaves 16.
#include <fovea/models/mobilenet_v3.hpp>
#include <fovea/models/model.hpp>

#ifdef WRONG
constexpr int input = 24;
#else
constexpr int input = 16;
#endif

constexpr fovea::tables::inverted_residual_v3 rows[] = {
    {16, 3, 16, 16, true, fovea::activation::relu, 2, 1},
    {input, 3, 64, 24, false, fovea::activation::hardswish, 2, 1},
};
constexpr auto table = fovea::tables::mobilenet_v3_small.with_rows(rows);

constexpr auto bytes = fovea::model<table>::workspace_bytes; // whatever a user asks of the model
