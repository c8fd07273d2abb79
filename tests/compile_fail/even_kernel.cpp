// error: graph_error<fovea::fault::table_value, 0, 4, 5>
// Even kernels have no symmetric padding.
#include <fovea/models/mobilenet_v3.hpp>
#include <fovea/models/model.hpp>

#ifdef WRONG
constexpr int kernel = 4;
#else
constexpr int kernel = 5;
#endif

constexpr fovea::tables::inverted_residual_v3 rows[] = {
    {16, kernel, 32, 16, true, fovea::activation::relu, 1, 1},
};
constexpr auto table = fovea::tables::mobilenet_v3_small.with_rows(rows);

constexpr auto bytes = fovea::model<table>::workspace_bytes; // whatever a user asks of the model
