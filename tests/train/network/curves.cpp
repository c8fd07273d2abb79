// Thirty steps of SSDLite against torch: the loss at every step. tests/train/make_ssdlite_curve.py wrote the curves.
#include "curve_case.hpp"

#include <fovea/train/ssd_trainer.hpp>

using namespace fovea;
using namespace fovea::test;

namespace {

tables::ssdlite_table ssdlite_of(const nlohmann::json& settings) {
    const int size = settings["size"];
    const bool small = settings["model"] == "ssdlite_mobilenet_v3_small";
    const auto t = small ? tables::ssdlite_table{}.with_backbone(tables::mobilenet_v3_small)
                         : tables::ssdlite320_mobilenet_v3_large;
    return t.with_classes(settings["classes"]).with_input(size, size);
}

void check_ssdlite_curve(const char* name) {
    const curve_case curve(name);
    const tables::ssdlite_table table = ssdlite_of(curve.settings());
    thread_executor ex(2);
    const runtime_training_program program(table);
    training_network net(program.view(), {curve.batch(), false, false}, ex);
    curve.prepare(net, [](std::string_view module, const std::string& prefix) { return module.rfind(prefix, 0) == 0; });
    ssd_trainer trainer(net, table.boxes, curve.updates(program.graph()), {}, ex);
    curve.run(trainer, [](const ssd_loss_values& loss, const nlohmann::json& expected) {
        CHECK(loss.bbox_regression == Approx(expected["bbox_regression"].get<double>()).epsilon(1e-3));
        CHECK(loss.classification == Approx(expected["classification"].get<double>()).epsilon(1e-3));
        CHECK(loss.total() == Approx(expected["total"].get<double>()).epsilon(1e-3));
    });
}

} // namespace

TEST_CASE("thirty steps of a small SSDLite have torch's losses") {
    check_ssdlite_curve("curve_ssdlite128_small");
    check_ssdlite_curve("curve_ssdlite128_small_frozen");
}
