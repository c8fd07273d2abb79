// Helpers for tests of parsers: files in memory, every truncation of one, and every byte changed.
#pragma once

#include <catch2/catch.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <fovea/error.hpp>
#include <fovea/io/file.hpp>
#include <fovea/tensor/view.hpp>

namespace test {

using bytes = std::vector<unsigned char>;

inline std::string data_path(const std::string& name) {
    return FOVEA_TEST_DATA "/io/" + name;
}

inline bytes data_bytes(const std::string& name) {
    const fovea::file_bytes file = fovea::read_file(data_path(name));
    return bytes(file.data(), file.data() + file.size());
}

inline bytes as_bytes(std::string_view text) {
    return bytes(text.begin(), text.end());
}

// The message of the fovea::error that `act` throws; empty when it throws none.
template <class Act>
std::string error_of(Act&& act) {
    try {
        act();
    } catch (const fovea::error& error) {
        return error.what();
    }
    return {};
}

// read() must refuse each proper prefix. Prefixes are copied, so that a sanitizer sees reads behind their
// end.
template <class Read>
void refuses_every_truncation(const bytes& file, Read&& read) {
    std::size_t accepted = 0;
    for (std::size_t size = 0; size < file.size(); ++size) {
        const bytes prefix(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size));
        accepted += error_of([&] { read(prefix); }).empty() ? 1u : 0u;
    }
    CHECK(accepted == 0);
}

// read() may accept or refuse a changed file, but throws nothing else than fovea's errors. Returns how many
// it refused.
template <class Read>
std::size_t survives_every_change(const bytes& file, Read&& read) {
    std::size_t refused = 0;
    bytes changed = file;
    for (std::size_t i = 0; i < file.size(); ++i) {
        for (int value : {0x00, 0x01, 0x7f, 0x80, 0xff, file[i] ^ 0x01, file[i] ^ 0x80, file[i] + 1}) {
            changed[i] = static_cast<unsigned char>(value);
            refused += error_of([&] { read(changed); }).empty() ? 0u : 1u;
        }
        changed[i] = file[i];
    }
    return refused;
}

} // namespace test
