// The restricted unpickler, on pickles written by hand.
#include <catch2/catch.hpp>

#include <string>
#include <string_view>

#include <fovea/io/pickle.hpp>

#include "hostile_bytes.hpp"

namespace {

using namespace std::string_literals;
using fovea::detail::pickle;
using fovea::detail::pickle_kind;
using fovea::detail::pickle_value;

bool only_safe_names(std::string_view module, std::string_view) {
    return module == "safe";
}

// A pickle together with the bytes that its text refers to.
struct parsed {
    explicit parsed(const std::string& text) : bytes(test::as_bytes(text)) {
        fovea::detail::byte_cursor cursor(bytes, "x");
        result = fovea::detail::pickle_machine(cursor, only_safe_names).run();
    }
    test::bytes bytes;
    pickle result;
};

template <class T>
T value_of(const std::string& text) {
    const parsed source(text);
    return T(std::get<T>(source.result.top));
}

std::string text_of(const std::string& pickled) {
    const parsed source(pickled);
    return std::string(std::get<std::string_view>(source.result.top));
}

std::string refusal(const std::string& text) {
    return test::error_of([&] { parsed source(text); });
}

std::size_t items_of(const std::string& text, pickle_kind kind) {
    const parsed source(text);
    const auto* object = source.result.object(source.result.top, kind);
    REQUIRE(object != nullptr);
    return object->items.size();
}

} // namespace

TEST_CASE("integers of every spelling") {
    CHECK(value_of<std::int64_t>("I-12\n.") == -12);
    CHECK(value_of<std::int64_t>("L123456789012L\n.") == 123456789012);
    CHECK(value_of<std::int64_t>("K\xff.") == 255);
    CHECK(value_of<std::int64_t>("M\x01\x02.") == 513);
    CHECK(value_of<std::int64_t>("J\xfe\xff\xff\xff.") == -2);
    CHECK(value_of<std::int64_t>("\x8a\0."s) == 0);
    CHECK(value_of<std::int64_t>("\x8a\x01\xff.") == -1);
    CHECK(value_of<std::int64_t>("\x8a\x02\xff\0."s) == 255);
    CHECK(value_of<std::int64_t>("\x8b\x02\0\0\0\0\x80."s) == -32768);
    CHECK(value_of<std::int64_t>("\x8a\x08\0\0\0\0\0\0\0\x80."s) == INT64_MIN);
    CHECK(value_of<bool>("I01\n."));
    CHECK_FALSE(value_of<bool>("\x89."));
    CHECK(text_of("\x8a\x09"
                  "123456789.") == "123456789"); // beyond 64 bits: the bytes
}

TEST_CASE("numbers and text of every spelling") {
    CHECK(value_of<double>("F-1.5e3\n.") == -1500);
    CHECK(value_of<double>("G\x3f\xf8\0\0\0\0\0\0."s) == 1.5);
    CHECK(text_of("S'ab'\n.") == "ab");
    CHECK(text_of("Vab\n.") == "ab");
    CHECK(text_of("U\x02"
                  "ab.") == "ab");
    CHECK(text_of("X\x02\0\0\0ab."s) == "ab");
    CHECK(text_of("T\x02\0\0\0ab."s) == "ab");
    CHECK(text_of("B\x02\0\0\0ab."s) == "ab");
    CHECK(text_of("C\x02"
                  "ab.") == "ab");
    CHECK(text_of("\x8c\x02"
                  "ab.") == "ab");
    CHECK(text_of("\x8d\x02\0\0\0\0\0\0\0ab."s) == "ab");
    CHECK(text_of("\x8e\x02\0\0\0\0\0\0\0ab."s) == "ab");
    CHECK(text_of("\x96\x02\0\0\0\0\0\0\0ab."s) == "ab");
}

TEST_CASE("containers of every spelling") {
    CHECK(items_of("(K\x01K\x02t.", pickle_kind::tuple) == 2);
    CHECK(items_of("K\x01K\x02K\x03\x87.", pickle_kind::tuple) == 3);
    CHECK(items_of(").", pickle_kind::tuple) == 0);
    CHECK(items_of("(K\x01l.", pickle_kind::list) == 1);
    CHECK(items_of("]K\x01"
                   "a(K\x02K\x03"
                   "e.",
                   pickle_kind::list) == 3);
    CHECK(items_of("\x8f(K\x01\x90.", pickle_kind::list) == 1);
    CHECK(items_of("(K\x01\x91.", pickle_kind::list) == 1);
    CHECK(items_of("(K\x01K\x02"
                   "d.",
                   pickle_kind::dict) == 2);
    CHECK(items_of("}K\x01K\x02s(K\x03K\x04u.", pickle_kind::dict) == 4);
}

TEST_CASE("the memo shares objects, circles included") {
    const parsed source("]q\0h\0a."s);
    const auto& list = *source.result.object(source.result.top);
    CHECK(source.result.object(list.items.at(0)) == &list);
    CHECK(items_of("(K\x01\x94h\0t."s, pickle_kind::tuple) == 2);
    CHECK(value_of<std::int64_t>("K\x07p1\n0g1\n.") == 7);
    CHECK(value_of<std::int64_t>("K\x07r\x02\0\0\0000j\x02\0\0\0."s) == 7);
}

TEST_CASE("calls are kept as data, and only those that the policy allows") {
    const parsed source("csafe\nmake\n(K\x01tR(U\x01"
                        "aK\x02u.");
    const auto* call = source.result.object(source.result.top, pickle_kind::call);
    REQUIRE(call != nullptr);
    CHECK(source.result.qualified_name(source.result.top) == "safe.make");
    CHECK(source.result.object(call->arguments)->items.size() == 1);
    CHECK(call->items.size() == 2);
    for (const std::string& hostile : {"cos\nsystem\n(S'ls'\ntR."s, "(S'ls'\nios\nsystem\n."s,
                                       "(cos\nsystem\nS'ls'\no."s, "\x8c\x02os\x8c\x06system\x93)R."s})
        CHECK_THAT(refusal(hostile), Catch::Contains("os.system"));
    CHECK_FALSE(refusal("K\x01)R.").empty());
    CHECK(refusal("(S'ls'\nisafe\nname\n.").empty());
    CHECK(refusal("(csafe\nname\nK\x01o.").empty());
}

TEST_CASE("objects of unknown classes are opaque") {
    const parsed source("cmy.module\nThing\n)\x81}S'a'\nK\x01sb.");
    CHECK(source.result.object(source.result.top, pickle_kind::instance));
    CHECK(source.result.describe(source.result.top) == "an object of the class my.module.Thing");
    CHECK(refusal("cmy.module\nThing\n)}\x92.").empty());
}

TEST_CASE("impossible pickles are refused") {
    for (const std::string& text : {""s,
                                    "."s,
                                    "K"s,
                                    "K\x01"s,
                                    "a."s,
                                    "]a."s,
                                    "t."s,
                                    "0."s,
                                    "1."s,
                                    "2."s,
                                    "R."s,
                                    "b."s,
                                    "K\x01K\x01"
                                    "b."s,
                                    "h\0."s,
                                    "(."s,
                                    "](."s,
                                    "](K\x01K\x02s."s,
                                    "}(K\x01u."s,
                                    "K\x01(K\x02"
                                    "e."s,
                                    "]K\x01K\x02s."s,
                                    "}K\x01"
                                    "a."s,
                                    "(o."s,
                                    "K\x01q"s,
                                    "K\x01r\xff\xff\xff\xff."s,
                                    "K\x01p99999999999999999999\n."s,
                                    "g-1\n."s,
                                    "\x80\x06N."s,
                                    "\x82\x01."s,
                                    "\x97."s,
                                    "\x98."s,
                                    "\xff."s,
                                    "X\xff\xff\xff\xff"
                                    "ab."s,
                                    "\x8d\xff\xff\xff\xff\xff\xff\xff\xff"
                                    "ab."s,
                                    "\x8b\xff\xff\xff\xff"
                                    "ab."s,
                                    "Ix\n."s,
                                    "I\n."s,
                                    "F1.5x\n."s,
                                    "Sab\n."s,
                                    "S'\n."s,
                                    "I5"s,
                                    "K\x01K\x01\x93."s,
                                    "K\x01)\x81."s}) {
        CAPTURE(text);
        CHECK_THAT(refusal(text), Catch::StartsWith("x: "));
    }
}

TEST_CASE("the number of opcodes is limited, and depth costs nothing") {
    CHECK_THAT(refusal(std::string(3'000'000, ')')), Catch::Contains("opcodes"));
    CHECK(refusal(")" + std::string(1'000'000, '\x85') + ".").empty());
    CHECK(refusal(std::string(1'000'000, '(') + "N.").find("empty stack") == std::string::npos);
}
