// error: graph_error<fovea::fault::bad_channels, 152, 0, 1>
// A classifier of no classes.
#include <fovea/models/mobilenet_v2.hpp>
#include <fovea/models/model.hpp>

#ifdef WRONG
constexpr int classes = 0;
#else
constexpr int classes = 1;
#endif

constexpr auto table = fovea::tables::mobilenet_v2.with_classes(classes);

constexpr auto bytes = fovea::model<table>::workspace_bytes; // whatever a user asks of the model
