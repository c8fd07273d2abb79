// error: graph_error<fovea::fault::table_channels, 1, 24, 16>
// An EfficientNet stage whose input is not the stage before's output.
#include <fovea/models/efficientnet.hpp>
#include <fovea/models/model.hpp>

#ifdef WRONG
constexpr int input = 24;
#else
constexpr int input = 16;
#endif

constexpr fovea::tables::mbconv_stage rows[] = {{1, 3, 1, 32, 16, 1}, {6, 3, 2, input, 24, 2}};
constexpr auto table = fovea::tables::efficientnet_b0.with_rows(rows);

constexpr auto bytes = fovea::model<table>::workspace_bytes; // whatever a user asks of the model
