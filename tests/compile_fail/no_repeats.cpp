// error: graph_error<fovea::fault::table_value, 1, 0, 1>
// A MobileNetV2 group of no blocks.
#include <fovea/models/mobilenet_v2.hpp>
#include <fovea/models/model.hpp>

#ifdef WRONG
constexpr int repeats = 0;
#else
constexpr int repeats = 2;
#endif

constexpr fovea::tables::inverted_residual_v2 rows[] = {{1, 16, 1, 1}, {6, 24, repeats, 2}};
constexpr auto table = fovea::tables::mobilenet_v2.with_rows(rows);

constexpr auto bytes = fovea::model<table>::workspace_bytes; // whatever a user asks of the model
