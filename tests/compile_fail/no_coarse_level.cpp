// error: graph_error<fovea::fault::no_strided_row, -1, 0, 1>
// SSDLite takes its first level from the last strided row: there must be one.
#include <fovea/models/model.hpp>
#include <fovea/models/ssdlite.hpp>

#ifdef WRONG
constexpr int stride = 1;
#else
constexpr int stride = 2;
#endif

constexpr fovea::tables::inverted_residual_v3 rows[] = {
    {16, 3, 16, 16, true, fovea::activation::relu, 1, 1},
    {16, 3, 64, 24, false, fovea::activation::hardswish, stride, 1},
};
constexpr auto table = fovea::tables::ssdlite320_mobilenet_v3_large.with_backbone(
    fovea::tables::mobilenet_v3_small.with_rows(rows).with_input(320, 320));

constexpr auto bytes = fovea::model<table>::workspace_bytes; // whatever a user asks of the model
