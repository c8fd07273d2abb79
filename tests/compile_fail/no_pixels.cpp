// error: graph_error<fovea::fault::table_value, 0, 0, 1>
// An input without rows of pixels.
#include <fovea/models/mobilenet_v3.hpp>
#include <fovea/models/model.hpp>

#ifdef WRONG
constexpr int height = 0;
#else
constexpr int height = 32;
#endif

constexpr auto table = fovea::tables::mobilenet_v3_small.with_input(height, 32);

constexpr auto bytes = fovea::model<table>::workspace_bytes; // whatever a user asks of the model
