// Checkpoints of every container, protocol, element type and view that torch writes, and hostile ones.
#include <catch2/catch.hpp>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include <fovea/io/pth.hpp>
#include <fovea/io/safetensors.hpp>

#include "hostile_bytes.hpp"

namespace {

using namespace std::string_literals;

fovea::state_dict read_data(const std::string& name) {
    return fovea::read_pth(test::data_path(name));
}

// Same keys in the same order, same shapes, and values that are at most `ulps` apart.
void check_equal(const fovea::state_dict& found, const fovea::state_dict& expected, int ulps = 0) {
    REQUIRE(found.size() == expected.size());
    auto want = expected.begin();
    for (const fovea::tensor& entry : found) {
        CAPTURE(entry.name);
        CHECK(entry.name == want->name);
        CHECK(entry.shape == want->shape);
        REQUIRE(entry.values.size() == want->values.size());
        for (std::size_t i = 0; i < entry.values.size(); ++i) {
            const float allowed = std::abs(want->values[i]) * std::numeric_limits<float>::epsilon();
            REQUIRE(std::abs(entry.values[i] - want->values[i]) <= static_cast<float>(ulps) * allowed);
        }
        ++want;
    }
}

// Pickles by hand, protocol 1, in the legacy container.
std::string text(const std::string& chars) {
    return "U" + std::string(1, static_cast<char>(chars.size())) + chars;
}

std::string integer(std::int64_t value) {
    std::string bytes("\x8a\x08");
    fovea::detail::append_element(bytes, value);
    return bytes;
}

std::string tuple(const std::vector<std::int64_t>& values) {
    std::string items = "(";
    for (std::int64_t value : values)
        items += integer(value);
    return items + "t";
}

std::string storage(const std::string& type, std::int64_t elements, const std::string& view = "N") {
    return "(" + text("storage") + "ctorch\n" + type + "\n" + text("7") + text("cpu") + integer(elements) +
           view + "tQ";
}

std::string tensor(const std::string& storage, std::int64_t offset, const std::vector<std::int64_t>& shape,
                   const std::vector<std::int64_t>& strides) {
    return "ctorch._utils\n_rebuild_tensor_v2\n(" + storage + integer(offset) + tuple(shape) +
           tuple(strides) +
           "\x89N"
           "tR";
}

std::string dict(const std::string& key, const std::string& value) {
    return "}" + text(key) + value + "s";
}

const std::string legacy_start = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.M\xe9\x03.}.";

// Storage "7" holds the given bytes and says that it has that many elements.
test::bytes legacy_file(const std::string& pickle, std::int64_t elements, const std::string& data) {
    std::string count;
    fovea::detail::append_element(count, elements);
    return test::as_bytes(legacy_start + pickle + ".]" + text("7") + "a." + count + data);
}

std::string refusal(const test::bytes& file) {
    return test::error_of([&] { fovea::read_pth(file, "x.pth"); });
}

// Of a tensor "w" whose storage has four bytes 1, 2, 3, 4.
std::string view_refusal(std::int64_t offset, const std::vector<std::int64_t>& shape,
                         const std::vector<std::int64_t>& strides) {
    return refusal(legacy_file(dict("w", tensor(storage("ByteStorage", 4), offset, shape, strides)), 4,
                               "\x01\x02\x03\x04"));
}

} // namespace

TEST_CASE("every container and protocol gives the same tensors") {
    const fovea::state_dict expected = fovea::read_safetensors(test::data_path("expected_plain.safetensors"));
    for (const char* name :
         {"zip_protocol2.pth", "zip_protocol3.pth", "zip_protocol4.pth", "zip_protocol5.pth",
          "legacy_protocol1.pth", "legacy_protocol2.pth", "legacy_protocol4.pth", "legacy_protocol5.pth"}) {
        CAPTURE(name);
        check_equal(read_data(name), expected);
    }
}

TEST_CASE("entries remember their element type") {
    const fovea::state_dict weights = read_data("zip_protocol2.pth");
    for (const char* type :
         {"float32", "float64", "float16", "bfloat16", "uint8", "int8", "int16", "int32", "int64", "bool"})
        CHECK(dtype_name(weights.at(type).type) == type);
    CHECK(weights.at("num_batches_tracked").type == fovea::dtype::int64);
    CHECK(weights.at("num_batches_tracked").shape.empty());
    CHECK(read_data("quantized.pth").at("channel_qint8").type == fovea::dtype::qint8);
}

TEST_CASE("quantised tensors are dequantised as by torch") {
    const fovea::state_dict expected =
        fovea::read_safetensors(test::data_path("expected_quantized.safetensors"));
    check_equal(read_data("quantized.pth"), expected, 1);
    check_equal(read_data("quantized_legacy.pth"), expected, 1);
}

TEST_CASE("archives of other zip writers are read") {
    const fovea::state_dict expected = fovea::read_safetensors(test::data_path("expected_small.safetensors"));
    check_equal(read_data("small.pth"), expected);
    check_equal(read_data("small_legacy.pth"), expected);
    check_equal(read_data("zip64_headers.pth"), expected);
    check_equal(read_data("byteorder_little.pth"), expected);
}

TEST_CASE("the model's state dict is found in a training checkpoint") {
    const fovea::state_dict expected = fovea::read_safetensors(test::data_path("expected_small.safetensors"));
    check_equal(read_data("training.pth"), expected);
    CHECK(read_data("data_parallel.pth").contains("module.1.running_var"));
    const fovea::state_dict ema = fovea::read_pth(test::data_path("training.pth"), "model_ema");
    CHECK(ema.at("module.0.weight").values[1] == 1.5f);
    CHECK_THAT(test::error_of([] { fovea::read_pth(test::data_path("training.pth"), "other"); }),
               Catch::Contains("'other'"));
    CHECK_THROWS_AS(fovea::read_pth(test::data_path("training.pth"), "epoch"), fovea::format_error);
    CHECK_THROWS_AS(fovea::read_pth(test::data_path("training.pth"), "optimizer"), fovea::format_error);
}

TEST_CASE("calls of functions are refused by name, and nothing is run") {
    CHECK_THAT(test::error_of([] { read_data("evil_call.pth"); }), Catch::Contains("posix.system"));
    CHECK_THAT(test::error_of([] { read_data("evil_eval.pth"); }), Catch::Contains("eval"));
    CHECK_THAT(test::error_of([] { read_data("evil_nested_load.pth"); }),
               Catch::Contains("_load_from_bytes"));
    CHECK_FALSE(std::filesystem::exists("/tmp/fovea_was_run"));
}

TEST_CASE("other things that torch writes are refused with advice") {
    CHECK_THAT(test::error_of([] { read_data("whole_model.pth"); }),
               Catch::Contains("torch.nn.modules.container.Sequential") && Catch::Contains("state_dict()"));
    const std::string module_class = "(" + text("module") + "cmy.net\nNet\nNNtQ"; // of the legacy container
    CHECK_THAT(refusal(test::as_bytes(legacy_start + module_class + ")\x81.].")),
               Catch::Contains("my.net.Net"));
    CHECK_THAT(test::error_of([] { read_data("torchscript.pth"); }), Catch::Contains("TorchScript"));
    CHECK_THAT(test::error_of([] { read_data("byteorder_big.pth"); }), Catch::Contains("little-endian"));
    CHECK_THAT(test::error_of([] { read_data("deflated.pth"); }), Catch::Contains("compressed"));
    test::bytes tar(512, 0);
    std::memcpy(tar.data() + 257, "ustar", 5);
    CHECK_THAT(refusal(tar), Catch::Contains("tar"));
    CHECK_FALSE(refusal(test::as_bytes("\x80\x02}.")).empty());
    CHECK_FALSE(refusal(test::as_bytes("PK\3\4")).empty());
    CHECK_THAT(refusal(test::as_bytes(legacy_start.substr(0, 15) + "M\xe9\x03.}" + text("little_endian") +
                                      "\x89s.")),
               Catch::Contains("little-endian"));
}

TEST_CASE("OrderedDicts of Python 2 carry their items as an argument") {
    const std::string one = tensor(storage("ByteStorage", 4), 1, {2}, {2});
    const test::bytes file =
        legacy_file("ccollections\nOrderedDict\n(](" + text("w") + one + "latR", 4, "\x01\x02\x03\x04");
    CHECK(fovea::read_pth(file, "x.pth").at("w").values == std::vector<float>{2, 4});
}

TEST_CASE("storages that are views of others, Parameters, and subclasses of tensors") {
    const std::string data = "\x01\x02\x03\x04";
    const std::string viewed = storage("ByteStorage", 4, "(" + text("8") + integer(1) + integer(2) + "t");
    CHECK(fovea::read_pth(legacy_file(dict("w", tensor(viewed, 0, {2}, {1})), 4, data), "x").at("w").values ==
          std::vector<float>{2, 3});
    CHECK_FALSE(refusal(legacy_file(dict("w", tensor(viewed, 0, {3}, {1})), 4, data)).empty());
    const std::string parameter =
        "ctorch._utils\n_rebuild_parameter\n(" + tensor(storage("ByteStorage", 4), 0, {4}, {1}) + "\x89NtR";
    CHECK(fovea::read_pth(legacy_file(dict("w", parameter), 4, data), "x").at("w").values.size() == 4);
    const std::string subclass =
        "ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._utils\n_rebuild_tensor_v2\nN(" +
        storage("ByteStorage", 4) + integer(0) + tuple({4}) + tuple({1}) + "\x89Nt}tR";
    CHECK(fovea::read_pth(legacy_file(dict("w", subclass), 4, data), "x").at("w").values.size() == 4);
    const std::string untyped = "ctorch._utils\n_rebuild_tensor_v3\n(" + storage("UntypedStorage", 4) +
                                integer(0) + tuple({2}) + tuple({1}) + "\x89Nctorch\nuint16\ntR";
    const auto wide = fovea::read_pth(legacy_file(dict("w", untyped), 4, data), "x");
    CHECK(wide.at("w").type == fovea::dtype::uint16);
    CHECK(wide.at("w").values == std::vector<float>{0x0201, 0x0403});
}

TEST_CASE("views must stay inside of their storage") {
    CHECK(view_refusal(0, {4}, {1}).empty());
    CHECK(view_refusal(3, {}, {}).empty());
    CHECK(view_refusal(0, {2, 2}, {2, 1}).empty());
    CHECK(view_refusal(0, {0, 5}, {1, 1}).empty());
    CHECK(view_refusal(0, {4, 1}, {1, INT64_MAX}).empty());
    CHECK(view_refusal(3, {100}, {0}).empty());
    CHECK_THAT(view_refusal(1, {4}, {1}), Catch::Contains("'w'"));
    CHECK_FALSE(view_refusal(4, {}, {}).empty());
    CHECK_FALSE(view_refusal(5, {0}, {1}).empty());
    CHECK_FALSE(view_refusal(-1, {1}, {1}).empty());
    CHECK_FALSE(view_refusal(INT64_MAX, {1}, {1}).empty());
    CHECK_FALSE(view_refusal(0, {2}, {-1}).empty());
    CHECK_FALSE(view_refusal(0, {-2}, {1}).empty());
    CHECK_FALSE(view_refusal(0, {2}, {INT64_MAX}).empty());
    CHECK_FALSE(view_refusal(0, {3, 3}, {INT64_MAX / 2 + 1, 1}).empty());
    CHECK_FALSE(view_refusal(0, {5}, {INT64_MAX / 2 + 1}).empty()); // 4 * stride is 0 modulo 2^64
    CHECK_FALSE(view_refusal(0, {2, 2}, {1}).empty());
    CHECK_FALSE(view_refusal(0, {INT64_MAX, INT64_MAX}, {0, 0}).empty());
    CHECK_FALSE(view_refusal(0, {0, INT64_MAX, INT64_MAX}, {0, 0, 0}).empty());
    CHECK_FALSE(view_refusal(0, std::vector<std::int64_t>(65, 1), std::vector<std::int64_t>(65, 1)).empty());
}

TEST_CASE("repeated elements are limited") {
    CHECK_THAT(view_refusal(0, {1'000'000'000'000}, {0}), Catch::Contains("elements"));
    CHECK_FALSE(view_refusal(0, {1 << 12, 1 << 12}, {0, 0}).empty());
    std::string many = "}";
    for (int i = 0; i < 100; ++i)
        many += text("w" + std::to_string(i)) + tensor(storage("ByteStorage", 4), 0, {1 << 16}, {0}) + "s";
    CHECK_FALSE(refusal(legacy_file(many, 4, "\x01\x02\x03\x04")).empty());
}

TEST_CASE("what the pickle says of a storage must be what the file holds") {
    const auto described = [](const std::string& type, std::int64_t elements, std::int64_t counted) {
        return refusal(legacy_file(dict("w", tensor(storage(type, elements), 0, {1}, {1})), counted,
                                   "\x01\x02\x03\x04"));
    };
    CHECK(described("ByteStorage", 4, 4).empty());
    CHECK(described("FloatStorage", 1, 1).empty());
    CHECK_FALSE(described("FloatStorage", 2, 2).empty());
    CHECK_FALSE(described("ByteStorage", 4, 3).empty());
    CHECK_FALSE(described("ByteStorage", -1, -1).empty());
    CHECK_FALSE(described("DoubleStorage", INT64_MAX / 4, INT64_MAX / 4).empty());
    CHECK_FALSE(
        refusal(legacy_file(dict("w", tensor(storage("ComplexFloatStorage", 1), 0, {1}, {1})), 1, "12345678"))
            .empty());
    CHECK_FALSE(described("QInt8Storage", 4, 4).empty()); // without a quantizer
    CHECK_FALSE(refusal(test::as_bytes(legacy_start +
                                       dict("w", tensor(storage("ByteStorage", 4), 0, {4}, {1})) + ".]."))
                    .empty());
    const std::string both = "}" + text("a") + tensor(storage("ByteStorage", 4), 0, {4}, {1}) + "s" +
                             text("b") + tensor(storage("FloatStorage", 4), 0, {4}, {1}) + "s";
    CHECK_THAT(refusal(legacy_file(both, 4, "\x01\x02\x03\x04")), Catch::Contains("two ways"));
}

TEST_CASE("quantizers are checked") {
    const auto quantized = [](const std::string& type, const std::string& quantizer) {
        const std::string rebuilt = "ctorch._utils\n_rebuild_qtensor\n(" + storage(type, 4) + integer(0) +
                                    tuple({2, 2}) + tuple({2, 1}) + quantizer + "\x89NtR";
        return refusal(legacy_file(dict("w", rebuilt), 4, "\x01\x02\x03\x04"));
    };
    const std::string channel = "(ctorch\nper_channel_affine\n", numbers = "](F0.5\nF0.25\ne";
    CHECK(quantized("QInt8Storage", "(ctorch\nper_tensor_affine\nF0.5\nI3\nt").empty());
    CHECK(quantized("QInt8Storage", channel + numbers + numbers + "I1\nt").empty());
    CHECK_FALSE(quantized("CharStorage", "(ctorch\nper_tensor_affine\nF0.5\nI3\nt").empty());
    CHECK_FALSE(quantized("QInt8Storage", "(ctorch\nper_tensor_affine\nF0.5\nt").empty());
    CHECK_FALSE(quantized("QInt8Storage", "(ctorch\nper_tensor_affine\nNI3\nt").empty());
    CHECK_FALSE(quantized("QInt8Storage", "(ctorch\nper_tensor_symmetric\nF0.5\nI3\nt").empty());
    CHECK_FALSE(quantized("QInt8Storage", "N").empty());
    CHECK_FALSE(quantized("QInt8Storage", channel + numbers + numbers + "I2\nt").empty());
    CHECK_FALSE(quantized("QInt8Storage", channel + numbers + "](F1\neI0\nt").empty());
    CHECK_FALSE(quantized("QInt8Storage", channel + numbers + "NI0\nt").empty());
}

TEST_CASE("state dicts that are none, too deep or ambiguous") {
    const auto pickled = [](const std::string& pickle) {
        return refusal(legacy_file(pickle, 4, "\1\2\3\4"));
    };
    const std::string one = tensor(storage("ByteStorage", 4), 0, {4}, {1});
    CHECK(pickled(dict("model", dict("state_dict", dict("w", one)))).empty());
    CHECK_FALSE(pickled(one).empty());
    CHECK_THAT(refusal(test::as_bytes("<html>")), Catch::Contains("neither"));
    CHECK_FALSE(pickled("]" + one + "a").empty());
    CHECK_FALSE(pickled(one + "0}").empty());
    CHECK_FALSE(pickled("}q\x01" + text("model") + "h\x01s" + text("w") + one + "s").empty());
    CHECK_THAT(pickled(dict("w", one) + text("w") + one + "s"), Catch::Contains("twice"));
}

TEST_CASE("truncated checkpoints give errors") {
    const auto read = [](const test::bytes& file) { fovea::read_pth(file, "x.pth"); };
    for (const char* name : {"small.pth", "small_legacy.pth", "quantized_legacy.pth", "zip64_headers.pth"}) {
        CAPTURE(name);
        test::refuses_every_truncation(test::data_bytes(name), read);
    }
}

TEST_CASE("checkpoints with any byte changed never crash") {
    const auto read = [](const test::bytes& file) { fovea::read_pth(file, "x.pth"); };
    for (const char* name :
         {"small.pth", "small_legacy.pth", "quantized_legacy.pth", "legacy_protocol1.pth"}) {
        CAPTURE(name);
        CHECK(test::survives_every_change(test::data_bytes(name), read) > 1000);
    }
}
