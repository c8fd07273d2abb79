// Checkpoints: every bit comes back, and every way to break one is told from a whole one.
#include "support/temporary_folder.hpp"

#include <fovea/io/weights.hpp>
#include <fovea/train/checkpoint.hpp>
#include <fovea/train/checkpoint_folder.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

namespace {

namespace fs = std::filesystem;
using namespace fovea;
using test::temporary_folder;

std::uint32_t bits_of(float value) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}

float float_of(std::uint32_t bits) {
    float value = 0;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](float x, float y) { return bits_of(x) == bits_of(y); });
}

bool same_tensors(const state_dict& a, const state_dict& b) {
    auto other = b.begin();
    for (const tensor& t : a) {
        if (other == b.end() || t.name != other->name || t.type != other->type || t.shape != other->shape ||
            !same_bits(t.values, other->values))
            return false;
        ++other;
    }
    return other == b.end();
}

// Numbers that text or a conversion would lose: the smallest, NaN with a payload, a signed zero.
training_state state_at(std::uint64_t step, std::size_t size = 6) {
    std::vector<float> values{1.0F / 3, -0.0F, float_of(1), float_of(0x7fc12345), -3.4e38F, 16777216};
    for (std::size_t i = values.size(); i < size; ++i)
        values.push_back(static_cast<float>(step + i));
    state_dict weights, ema;
    weights.insert({"conv.weight", dtype::float32, {size}, values});
    weights.insert({"bn.num_batches_tracked", dtype::int64, {}, {static_cast<float>(step)}});
    ema.insert({"conv.weight", dtype::float32, {size}, std::vector<float>(values.rbegin(), values.rend())});
    training_state state;
    state.weights = weights;
    state.ema = ema;
    state.optimizer = {{"momentum", values}, {"square.average", {}}};
    state.integers = {{"step", step}, {"random.key", std::numeric_limits<std::uint64_t>::max()}};
    state.numbers = {{"best_ap", 0.1},
                     {"lr", 1.0 / 3},
                     {"smallest", 5e-324},
                     {"worst", -std::numeric_limits<double>::infinity()}};
    state.texts = {{"log", "a \"line\"\n\\ \x01"}, {"", ""}};
    state.settings = {{"model", "ssdlite320_mobilenet_v3_small"}, {"lr", "0.05"}};
    return state;
}

bool same_state(const training_state& a, const training_state& b) {
    return same_tensors(a.weights, b.weights) && same_tensors(a.ema, b.ema) &&
           std::equal(a.optimizer.begin(), a.optimizer.end(), b.optimizer.begin(), b.optimizer.end(),
                      [](const auto& x, const auto& y) {
                          return x.first == y.first && same_bits(x.second, y.second);
                      }) &&
           a.integers == b.integers && a.numbers == b.numbers && a.texts == b.texts &&
           a.settings == b.settings;
}

std::string checkpoint_text(const fs::path& path) {
    const file_bytes bytes = read_file(path);
    return std::string(bytes.data(), bytes.data() + bytes.size());
}

void put_text(const fs::path& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
}

// What load_checkpoint says of these bytes; empty when it takes them. A copy, so that a sanitizer sees reads
// behind the end.
std::string fault_of(const std::string& text) {
    const std::vector<unsigned char> bytes(text.begin(), text.end());
    try {
        load_checkpoint(byte_span(bytes), "last");
    } catch (const format_error& e) {
        return e.what();
    }
    return {};
}

std::string fault_of(const checkpoint_folder& folder) {
    try {
        folder.load();
    } catch (const error& e) {
        return e.what();
    }
    return {};
}

// Writes a byte into `started` for each save, so that the parent knows when the loop runs.
[[noreturn]] void save_for_ever(const checkpoint_folder& folder, std::uint64_t step, int started) noexcept {
    for (;; ++step) {
        folder.save(state_at(step, 20'000));
        if (write(started, "s", 1) != 1)
            _exit(1);
    }
}

} // namespace

TEST_CASE("a checkpoint comes back bit for bit") {
    const temporary_folder folder;
    const fs::path path = folder / "last.safetensors";
    const training_state state = state_at(1234567);
    save_checkpoint(path, state);
    CHECK(same_state(load_checkpoint(path), state));
    CHECK(bits_of(load_checkpoint(path).weights.at("conv.weight").values[3]) == 0x7fc12345);

    training_state nan;
    nan.numbers["loss"] = std::numeric_limits<double>::quiet_NaN();
    save_checkpoint(path, nan);
    CHECK(std::isnan(load_checkpoint(path).numbers.at("loss")));
    save_checkpoint(path, {});
    CHECK(same_state(load_checkpoint(path), {}));
}

TEST_CASE("a checkpoint is a file of weights too, of the averages when asked") {
    const temporary_folder folder;
    const fs::path path = folder / "last.safetensors";
    training_state state = state_at(5);
    save_checkpoint(path, state);
    CHECK(same_tensors(read_weights(path), state.weights));
    CHECK(same_tensors(read_weights(path, {"ema", ""}), state.ema));
    CHECK_THROWS_WITH(read_weights(path, {"model", ""}),
                      Catch::Contains("the entry 'ema' or none, not 'model'"));
    state.ema = {};
    save_checkpoint(path, state);
    CHECK_THROWS_WITH(read_weights(path, {"ema", ""}), Catch::Contains("has no averaged weights"));
    write_safetensors(path, state.weights);
    CHECK_THROWS_WITH(read_weights(path, {"ema", ""}), Catch::Contains("found plain safetensors"));
}

TEST_CASE("weights whose names belong to other sections are refused") {
    const temporary_folder folder;
    for (const char* name : {"ema.weight", "optimizer.momentum", "__metadata__"}) {
        training_state state;
        state.weights.insert({name, dtype::float32, {1}, {1}});
        CHECK_THROWS_WITH(save_checkpoint(folder / "last", state), Catch::Contains(name));
    }
    CHECK(folder.files() == 0);
}

TEST_CASE("a truncated checkpoint says how much is missing") {
    const std::string whole = detail::checkpoint_bytes(state_at(9, 1000));
    CHECK(fault_of(whole).empty());
    const std::string size = std::to_string(whole.size());
    for (std::size_t part = 1; part < 16; ++part) {
        const std::size_t left = whole.size() * part / 16;
        CHECK(fault_of(whole.substr(0, left)) == "last: the checkpoint is truncated: expected " + size +
                                                     " bytes, found " + std::to_string(left));
    }
    CHECK(fault_of(whole.substr(0, whole.size() - 1)) == "last: the checkpoint is truncated: expected " +
                                                             size + " bytes, found " +
                                                             std::to_string(whole.size() - 1));
    for (std::size_t left = 0; left < detail::preamble_size; ++left)
        CHECK_THAT(fault_of(whole.substr(0, left)),
                   Catch::StartsWith("last: the checkpoint is truncated: expected at least"));
    CHECK_THAT(fault_of(whole + "x"), Catch::Contains("is corrupt: expected " + size + " bytes"));
}

TEST_CASE("every flipped byte of a checkpoint is found") {
    std::string bytes = detail::checkpoint_bytes(state_at(9));
    std::size_t accepted = 0;
    for (char& byte : bytes)
        for (int change : {0x01, 0x20, 0x80}) {
            const char before = byte;
            byte = static_cast<char>(byte ^ change);
            accepted += fault_of(bytes).empty() ? 1U : 0U;
            byte = before;
        }
    CHECK(accepted == 0);
    CHECK(fault_of(bytes).empty());
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    CHECK_THAT(fault_of(bytes), Catch::StartsWith("last: the checkpoint is corrupt: expected the checksum "));
}

TEST_CASE("other files are no checkpoints") {
    const temporary_folder folder;
    write_safetensors(folder / "weights", state_at(1).weights);
    CHECK_THAT(fault_of(checkpoint_text(folder / "weights")),
               Catch::Contains("the file is none of training"));
    CHECK_THROWS_AS(load_checkpoint(folder / "missing"), io_error);
}

TEST_CASE("a folder keeps the last two checkpoints") {
    const temporary_folder scratch;
    const checkpoint_folder folder(scratch.path());
    CHECK_FALSE(folder.has_any());
    for (std::uint64_t step = 1; step <= 3; ++step) {
        folder.save(state_at(step));
        const resumed_checkpoint found = folder.load();
        CHECK(same_state(found.state, state_at(step)));
        CHECK(found.path == folder.last());
        CHECK(found.warning.empty());
    }
    CHECK(folder.has_any());
    CHECK(same_state(load_checkpoint(folder.previous()), state_at(2)));
    CHECK(scratch.files() == 2);
}

TEST_CASE("a broken last checkpoint is told and the previous one is taken and kept") {
    const temporary_folder scratch;
    const checkpoint_folder folder(scratch.path());
    folder.save(state_at(1));
    folder.save(state_at(2));
    const std::string whole = checkpoint_text(folder.last());
    put_text(folder.last(), whole.substr(0, whole.size() / 2));
    const resumed_checkpoint found = folder.load();
    CHECK(same_state(found.state, state_at(1)));
    CHECK(found.path == folder.previous());
    CHECK(found.warning == folder.last().string() + ": the checkpoint is truncated: expected " +
                               std::to_string(whole.size()) + " bytes, found " +
                               std::to_string(whole.size() / 2) + "; going on from " +
                               folder.previous().string());
    folder.save(state_at(3)); // the broken one does not take the place of a whole one
    CHECK(same_state(folder.load().state, state_at(3)));
    CHECK(same_state(load_checkpoint(folder.previous()), state_at(1)));
    fs::remove(folder.last());
    CHECK(folder.load().path == folder.previous());
}

TEST_CASE("when nothing is whole both reasons are given") {
    const temporary_folder scratch;
    const checkpoint_folder folder(scratch.path());
    CHECK_THAT(fault_of(folder),
               Catch::Contains("last.safetensors: no such file") && Catch::Contains("previous.safetensors"));
    put_text(folder.last(), "");
    put_text(folder.previous(), "nothing of the kind, but long enough to be looked at as a checkpoint: " +
                                    std::string(100, ' '));
    CHECK_THAT(fault_of(folder), Catch::Contains("last.safetensors: the file is empty") &&
                                     Catch::Contains("previous.safetensors: the checkpoint is corrupt"));
}

TEST_CASE("a run that was killed while both names were one checkpoint goes on") {
    const temporary_folder scratch;
    const checkpoint_folder folder(scratch.path());
    folder.save(state_at(1));
    fs::create_hard_link(folder.last(), folder.previous());
    std::ofstream(atomic_file::partial_path(folder.previous())) << "left";
    folder.save(state_at(2));
    CHECK(same_state(folder.load().state, state_at(2)));
    CHECK(same_state(load_checkpoint(folder.previous()), state_at(1)));
    CHECK(scratch.files() == 2);
}

TEST_CASE("a full disk keeps both checkpoints") {
    const temporary_folder scratch;
    const checkpoint_folder folder(scratch.path());
    folder.save(state_at(1));
    folder.save(state_at(2));
    fs::create_symlink("/dev/full", atomic_file::partial_path(folder.last())); // each write fails: ENOSPC
    CHECK_THROWS_WITH(folder.save(state_at(3)),
                      folder.last().string() + ": cannot be written: No space left on device");
    CHECK(same_state(folder.load().state, state_at(2)));
    CHECK(same_state(load_checkpoint(folder.previous()), state_at(1)));
    CHECK(scratch.files() == 2);
}

TEST_CASE("a run that is killed at any moment leaves a whole checkpoint") {
    const temporary_folder scratch;
    const checkpoint_folder folder(scratch.path());
    folder.save(state_at(0, 20'000));
    std::uint64_t least = 0;
    std::size_t broken = 0, missing = 0;
    for (unsigned round = 0; round < 30; ++round) {
        int started[2] = {-1, -1};
        REQUIRE(pipe(started) == 0);
        const pid_t child = fork();
        REQUIRE(child >= 0);
        if (child == 0)
            save_for_ever(folder, least + 1, started[1]);
        close(started[1]);
        char saved = 0;
        CHECK(read(started[0], &saved, 1) == 1);
        usleep(777 * (round * 7 % 16)); // 0 .. 12 ms: at any place of the loop above
        kill(child, SIGKILL);
        close(started[0]);
        waitpid(child, nullptr, 0);
        missing += fs::exists(folder.last()) ? 0U : 1U;
        try {
            const training_state found = folder.load().state;
            const std::uint64_t step = found.integers.at("step");
            broken += step >= least && same_state(found, state_at(step, 20'000)) ? 0U : 1U;
            least = step;
        } catch (const error& e) {
            INFO(e.what());
            ++broken;
        }
    }
    CHECK(broken == 0);
    CHECK(missing == 0);
    CHECK(least >= 30);
    folder.save(state_at(least + 1));
    CHECK(scratch.files() == 2); // the next run cleans up
}

TEST_CASE("other settings are refused, every one by name") {
    const training_state state = state_at(1);
    CHECK_NOTHROW(require_same_settings(state, state.settings, "last"));
    CHECK_THROWS_WITH(
        require_same_settings(state, {{"lr", "0.1"}, {"model", state.settings.at("model")}}, "last"),
        "last: the checkpoint was made with other settings and cannot be resumed:\n"
        "  lr: '0.05' in the checkpoint, '0.1' now");
    CHECK_THROWS_WITH(
        require_same_settings(state, {{"lr", "0.05"}, {"momentum", "0.9"}}, "last"),
        Catch::Contains("model: 'ssdlite320_mobilenet_v3_small' in the checkpoint, not set now") &&
            Catch::Contains("momentum: not set in the checkpoint, '0.9' now"));
    CHECK_THROWS_AS(require_same_settings(state, {}, "last"), input_error);
}
