// error: fit_error<385814752, 100000000, 5288548, 9223372036854775807>
// A budget that no EfficientNet keeps.
#include <fovea/models/efficientnet.hpp>
#include <fovea/models/fit.hpp>

#ifdef WRONG
constexpr long most_macs = 100'000'000;
#else
constexpr long most_macs = 1'000'000'000;
#endif

constexpr int coefficient = fovea::fit_number<fovea::tables::efficientnet, 0, 7, fovea::mac_budget<most_macs>>;
