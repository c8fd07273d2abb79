// Zip archives as torch.save writes them, on an archive written by hand and on torch's own.
#include <catch2/catch.hpp>

#include <cstdint>
#include <string>
#include <string_view>

#include <fovea/io/zip.hpp>

#include "hostile_bytes.hpp"

namespace {

using fovea::detail::as_text;
using fovea::detail::zip_archive;

template <class T>
void append(std::string& text, T value) {
    char bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof(T));
    text.append(bytes, sizeof(T));
}

// What the fields of a one-record archive say; the record is "a" with the contents "data".
struct archive_fields {
    std::uint16_t method = 0, flags = 0, records = 1, comment = 0;
    std::uint32_t size = 4, compressed = 4, local = 0, directory = 35;
    std::string local_name = "a", extra, tail;

    test::bytes bytes() const {
        std::string text = "PK\3\4" + std::string(22, '\0');
        append(text, static_cast<std::uint16_t>(1));
        append(text, std::uint16_t{0});
        text += local_name + "data";
        std::string entry = "PK\1\2" + std::string(4, '\0');
        append(entry, flags);
        append(entry, method);
        entry += std::string(8, '\0');
        append(entry, compressed);
        append(entry, size);
        append(entry, std::uint16_t{1});
        append(entry, static_cast<std::uint16_t>(extra.size()));
        entry += std::string(10, '\0');
        append(entry, local);
        entry += "a" + extra;
        text += entry + "PK\5\6" + std::string(6, '\0');
        append(text, records);
        append(text, static_cast<std::uint32_t>(entry.size()));
        append(text, directory);
        append(text, comment);
        return test::as_bytes(text + tail);
    }
};

std::string refusal(const archive_fields& fields) {
    const test::bytes bytes = fields.bytes();
    return test::error_of([&] { zip_archive(bytes, "x.zip").at("a"); });
}

std::string zip64_extra(std::uint64_t size, std::uint64_t compressed) {
    std::string extra("\x63\0\1\0z\1\0\x10\0", 9); // another field first
    append(extra, size);
    append(extra, compressed);
    return extra;
}

} // namespace

TEST_CASE("a stored record is seen where it lies") {
    archive_fields fields;
    const test::bytes bytes = fields.bytes();
    const zip_archive archive(bytes, "x.zip");
    CHECK(zip_archive::recognises(bytes));
    CHECK(archive.contains("a"));
    CHECK(as_text(archive.at("a")) == "data");
    CHECK_THROWS_AS(archive.at("b"), fovea::format_error);
}

TEST_CASE("a comment may follow the archive") {
    archive_fields fields;
    fields.comment = 5;
    fields.tail = "hello";
    CHECK(refusal(fields).empty());
    fields.tail = "hell";
    CHECK_FALSE(refusal(fields).empty());
}

TEST_CASE("sizes of 64 bits come from the extra field") {
    archive_fields fields;
    fields.size = fields.compressed = 0xffffffff;
    fields.extra = zip64_extra(4, 4);
    CHECK(refusal(fields).empty());
    fields.extra = zip64_extra(4, 5);
    CHECK_FALSE(refusal(fields).empty());
    fields.extra = zip64_extra(UINT64_MAX, UINT64_MAX);
    CHECK_FALSE(refusal(fields).empty());
    fields.extra = std::string("\1\0\x04\0abcd", 8);
    CHECK_FALSE(refusal(fields).empty());
}

TEST_CASE("archives that contradict themselves are refused") {
    const auto with = [](auto change) {
        archive_fields fields;
        change(fields);
        return refusal(fields);
    };
    CHECK_THAT(with([](auto& f) { f.method = 8; }), Catch::Contains("compressed"));
    CHECK_THAT(with([](auto& f) { f.flags = 1; }), Catch::Contains("encrypted"));
    CHECK_FALSE(with([](auto& f) { f.size = 3; }).empty());
    CHECK_FALSE(with([](auto& f) { f.size = f.compressed = 4000; }).empty());
    CHECK_FALSE(with([](auto& f) { f.local = 1; }).empty());
    CHECK_FALSE(with([](auto& f) { f.local = 0xfffffff0; }).empty());
    CHECK_FALSE(with([](auto& f) { f.records = 2; }).empty());
    CHECK_FALSE(with([](auto& f) { f.records = 0; }).empty());
    CHECK_FALSE(with([](auto& f) { f.directory = 36; }).empty());
    CHECK_FALSE(with([](auto& f) { f.directory = 0xffffffff; }).empty());
    CHECK_FALSE(with([](auto& f) { f.local_name = "b"; }).empty());
}

TEST_CASE("torch's archive lists its records") {
    const test::bytes bytes = test::data_bytes("small.pth");
    const zip_archive archive(bytes, "small.pth");
    CHECK(as_text(archive.at("small/version")).substr(0, 1) == "3");
    CHECK(archive.at("small/data/0").size() == 6 * sizeof(float));
}

TEST_CASE("hostile zip archives give errors") {
    const auto read = [](const test::bytes& file) { zip_archive(file, "x.zip").at("a"); };
    const test::bytes file = archive_fields{}.bytes();
    test::refuses_every_truncation(file, read);
    CHECK(test::survives_every_change(file, read) > 100);
}
