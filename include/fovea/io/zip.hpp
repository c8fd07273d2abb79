// The records of a zip archive as torch.save writes it: stored, aligned, zip64 when large. Nothing is
// decompressed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "fovea/io/byte_cursor.hpp"

namespace fovea::detail {

// Where a record's bytes lie. Source of the layout: PKWARE's APPNOTE 6.3, sections 4.3 and 4.5.3.
struct zip_record {
    bool stored = true; // neither compressed nor encrypted
    byte_span bytes;    // as they stand in the archive
};

// Views into an archive in memory, by name. Sizes and positions come from the central directory alone,
// because torch leaves them out of the local headers (they follow the data in a descriptor).
class zip_archive {
public:
    zip_archive(byte_span archive, std::string_view file) : archive_(archive), file_(file) {
        read_directory();
    }

    static bool recognises(byte_span bytes) noexcept {
        return bytes.size() >= 4 && load_little<std::uint32_t>(bytes.data()) == local_signature;
    }

    const std::unordered_map<std::string_view, zip_record>& records() const noexcept { return records_; }
    bool contains(std::string_view name) const { return records_.count(name) != 0; }

    // The contents of a record. Throws format_error when there is none of that name or when it is compressed.
    byte_span at(std::string_view name) const {
        const auto found = records_.find(name);
        if (found == records_.end())
            fail("the archive has no record '" + std::string(name) + "'");
        if (!found->second.stored)
            fail("the record '" + std::string(name) +
                 "' is compressed or encrypted; torch stores records as they are");
        return found->second.bytes;
    }

private:
    static constexpr std::uint32_t local_signature = 0x04034b50;
    static constexpr std::uint32_t central_signature = 0x02014b50;
    static constexpr std::uint32_t end_signature = 0x06054b50;
    static constexpr std::uint32_t zip64_end_signature = 0x06064b50;
    static constexpr std::uint32_t zip64_locator_signature = 0x07064b50;
    static constexpr std::size_t end_size = 22, zip64_locator_size = 20;

    struct directory {
        std::uint64_t records = 0, size = 0, offset = 0;
    };

    struct central_header {
        std::uint16_t flags = 0, method = 0;
        std::uint64_t compressed = 0, size = 0, local = 0;
        std::string_view name;
    };

    [[noreturn]] void fail(const std::string& what) const {
        throw format_error(std::string(file_) + ": " + what);
    }

    byte_cursor cursor_at(std::uint64_t position) const {
        byte_cursor cursor(archive_, file_);
        cursor.seek(position);
        return cursor;
    }

    // The end record is the last one; only a comment of at most 65535 bytes may follow it.
    std::size_t find_end() const {
        for (std::size_t comment = 0; comment <= 0xffff && comment + end_size <= archive_.size(); ++comment) {
            const unsigned char* end = archive_.data() + archive_.size() - end_size - comment;
            if (load_little<std::uint32_t>(end) == end_signature &&
                load_little<std::uint16_t>(end + end_size - 2) == comment)
                return archive_.size() - end_size - comment;
        }
        fail("a zip archive without its end record; the file is truncated");
    }

    directory find_directory(std::size_t end) const {
        if (end >= zip64_locator_size) {
            byte_cursor locator = cursor_at(end - zip64_locator_size);
            if (locator.little<std::uint32_t>() == zip64_locator_signature) {
                locator.take(4); // disk
                return zip64_directory(locator.little<std::uint64_t>());
            }
        }
        byte_cursor cursor = cursor_at(end + 10);
        directory found;
        found.records = cursor.little<std::uint16_t>();
        found.size = cursor.little<std::uint32_t>();
        found.offset = cursor.little<std::uint32_t>();
        return found;
    }

    directory zip64_directory(std::uint64_t position) const {
        byte_cursor cursor = cursor_at(position);
        if (cursor.little<std::uint32_t>() != zip64_end_signature)
            cursor.fail("expected the zip64 end record");
        cursor.take(28); // record size, versions, disks, records on this disk
        directory found;
        found.records = cursor.little<std::uint64_t>();
        found.size = cursor.little<std::uint64_t>();
        found.offset = cursor.little<std::uint64_t>();
        return found;
    }

    void read_directory() {
        const std::size_t end = find_end();
        const directory found = find_directory(end);
        if (found.offset > end || found.size > end - found.offset)
            fail("the zip directory lies outside of the archive");
        byte_cursor cursor(archive_.subspan(0, found.offset + found.size), file_);
        cursor.seek(found.offset);
        for (std::uint64_t i = 0; i < found.records; ++i) {
            const central_header header = read_header(cursor);
            const bool stored = header.method == 0 && (header.flags & 1) == 0;
            if (stored && header.compressed != header.size)
                cursor.fail("a stored zip record with two different sizes");
            if (!records_.emplace(header.name, zip_record{stored, locate(header)}).second)
                cursor.fail("the zip record '" + std::string(header.name) + "' occurs twice");
        }
        if (cursor.remaining() != 0)
            cursor.fail("the zip directory holds more than its " + std::to_string(found.records) +
                        " records");
    }

    static central_header read_header(byte_cursor& cursor) {
        if (cursor.little<std::uint32_t>() != central_signature)
            cursor.fail("expected a zip directory entry");
        central_header header;
        cursor.take(4); // versions
        header.flags = cursor.little<std::uint16_t>();
        header.method = cursor.little<std::uint16_t>();
        cursor.take(8); // time, date, checksum
        header.compressed = cursor.little<std::uint32_t>();
        header.size = cursor.little<std::uint32_t>();
        const auto name_size = cursor.little<std::uint16_t>();
        const auto extra_size = cursor.little<std::uint16_t>();
        const auto comment_size = cursor.little<std::uint16_t>();
        cursor.take(8); // disk, attributes
        header.local = cursor.little<std::uint32_t>();
        header.name = cursor.text(name_size);
        read_zip64(byte_cursor(cursor.take(extra_size), cursor.file()), header);
        cursor.take(comment_size);
        return header;
    }

    // Fields of the header that are all ones stand, in this order, in the extra field with the id 1.
    static void read_zip64(byte_cursor extra, central_header& header) {
        while (extra.remaining() >= 4) {
            const auto id = extra.little<std::uint16_t>();
            const byte_span field = extra.take(extra.little<std::uint16_t>());
            if (id != 1)
                continue;
            byte_cursor wide(field, extra.file());
            for (std::uint64_t* value : {&header.size, &header.compressed, &header.local})
                if (*value == 0xffffffff)
                    *value = wide.little<std::uint64_t>();
            return;
        }
    }

    byte_span locate(const central_header& header) const {
        byte_cursor cursor = cursor_at(header.local);
        if (cursor.little<std::uint32_t>() != local_signature)
            cursor.fail("expected the local header of the zip record '" + std::string(header.name) + "'");
        cursor.take(22); // versions to sizes
        const auto name_size = cursor.little<std::uint16_t>();
        const auto extra_size = cursor.little<std::uint16_t>();
        if (cursor.text(name_size) != header.name)
            cursor.fail("the zip directory and the local header disagree about '" + std::string(header.name) +
                        "'");
        cursor.take(extra_size);
        return cursor.take(header.compressed);
    }

    byte_span archive_;
    std::string_view file_;
    std::unordered_map<std::string_view, zip_record> records_;
};

} // namespace fovea::detail
