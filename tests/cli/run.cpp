// fovea run: raw networks against torchvision, and what it says about wrong inputs.
#include "program.hpp"

#include <cmath>

using namespace fovea;
using namespace fovea::test;

namespace {

// Runs a golden case of the repository and compares every output that the program wrote.
template <class Table>
void check_case(const std::string& name, const Table& table, const std::string& options) {
    INFO(name);
    const scratch_folder folder;
    const golden_case golden = own_golden("models", name);
    write_weights(folder / "weights.safetensors", golden, table);
    write_input(folder / "in.npy", golden);
    const outcome r = run_fovea(folder, "run " + golden.model + " " + options + " --weights '" +
                                            (folder / "weights.safetensors").string() + "' --input '" +
                                            (folder / "in.npy").string() + "' --output '" +
                                            (folder / "o").string() + "' --taps");
    INFO(r.err);
    REQUIRE(r.status == 0);
    for (const golden_output& o : golden.outputs) {
        INFO(o.name);
        CHECK(compare(o, fovea::test::read_npy(folder / ("o/" + o.name + ".npy"))));
    }
}

} // namespace

TEST_CASE("Variants of a table give torchvision's outputs, any batch and size") {
    const auto small = tables::mobilenet_v3_small;
    check_case("mobilenet_v3_small_w125", small.with_width(1.25).with_classes(12),
               "--width-mult 1.25 --num-classes 12");
    check_case("mobilenet_v3_small_tail_dilated", small.with_reduced_tail().with_dilation(),
               "--reduced-tail --dilated --threads 2");
    check_case("mobilenet_v2_w035_odd", tables::mobilenet_v2.with_width(0.35).with_classes(10),
               "--width-mult 0.35 --num-classes 10");
}

TEST_CASE("A detector's raw outputs, levels and default boxes are torchvision's") {
    const auto& ssdlite = tables::ssdlite320_mobilenet_v3_large;
    check_case("ssdlite320_c21_full_tail",
               ssdlite.with_classes(21).with_backbone(ssdlite.backbone.with_reduced_tail(false)),
               "--num-classes 21 --full-tail");
}

TEST_CASE("Taps have the names of the modules that end there") {
    const scratch_folder folder;
    const golden_case golden = own_golden("models", "mobilenet_v3_small_96");
    write_weights(folder / "w.safetensors", golden, tables::mobilenet_v3_small);
    write_input(folder / "in.npy", golden);
    const outcome r =
        run_fovea(folder, "run mobilenet_v3_small --features-only --taps --weights '" +
                              (folder / "w.safetensors").string() + "' --input '" +
                              (folder / "in.npy").string() + "' --output '" + (folder / "o").string() + "'");
    REQUIRE(r.status == 0);
    for (int i = 0; i <= 12; ++i)
        CHECK(fs::exists(folder / ("o/tap.features." + std::to_string(i) + ".npy")));
    const auto written = [&](const std::string& name) {
        return fovea::test::read_npy(folder / ("o/" + name + ".npy"));
    };
    CHECK(written("features").shape == shape_type{1, 576, 3, 3});
    CHECK(written("embedding").shape == shape_type{1, 576});
    CHECK(written("tap.features.12").values == written("features").values);
}

TEST_CASE("Wrong inputs give one line that says what was expected and what was found") {
    const scratch_folder folder;
    const auto run = [&] {
        return run_fovea(folder, "run mobilenet_v3_small --weights none.pth --input '" +
                                     (folder / "in.npy").string() + "' --output '" + (folder / "o").string() +
                                     "'");
    };
    write_npy(folder / "in.npy", std::vector<double>(3), {1, 3, 1, 1});
    CHECK(run().err_has("expected float32 [N, 3, H, W], found float64 [1, 3, 1, 1]"));
    write_npy(folder / "in.npy", std::vector<float>(4), {1, 4, 1, 1});
    CHECK(run().err_has("found float32 [1, 4, 1, 1]"));
    write_npy(folder / "in.npy", std::vector<float>(3), {3, 1, 1});
    CHECK(run().err_has("found float32 [3, 1, 1]"));
    write_npy(folder / "in.npy", std::vector<float>{}, {0, 3, 4, 4});
    CHECK(run().err_has("found float32 [0, 3, 4, 4]"));
    write_npy(folder / "in.npy", std::vector<float>{0, 1, std::nanf("")}, {1, 3, 1, 1});
    CHECK(run().err_has("element 2 is NaN"));
    write_text(folder / "in.npy", "\x93NUMPY");
    const outcome truncated = run();
    CHECK(truncated.status == 1);
    CHECK(truncated.err.rfind("fovea: error: ", 0) == 0);
    CHECK(truncated.err_lines() == 1);
    write_npy(folder / "in.npy", std::vector<float>(3), {1, 3, 1, 1});
    CHECK(run().err == "fovea: error: none.pth: no such file\n");
    CHECK_FALSE(fs::exists(folder / "o"));
}
