#include "download.hpp"

#include "progress.hpp"
#include "unpack_wheel.hpp"

#include <fovea/error.hpp>
#include <fovea/io/file.hpp>

#include <curl/curl.h>
#include <openssl/evp.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <ostream>
#include <sstream>

namespace fovea::cli {

namespace {

// SHA-256 of bytes as they come.
class sha256 {
public:
    sha256() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
        if (!context_ || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1)
            throw io_error("SHA-256 is not available");
    }
    bool update(const char* bytes, std::size_t size) noexcept {
        return EVP_DigestUpdate(context_.get(), bytes, size) == 1;
    }
    // Lower-case hexadecimal digits.
    std::string finish() {
        std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
        unsigned size = 0;
        if (EVP_DigestFinal_ex(context_.get(), digest.data(), &size) != 1)
            throw io_error("SHA-256 is not available");
        std::string text;
        for (unsigned i = 0; i < size; ++i) {
            text.push_back("0123456789abcdef"[digest[i] / 16]);
            text.push_back("0123456789abcdef"[digest[i] % 16]);
        }
        return text;
    }

private:
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

// Where the bytes of a download go.
struct sink {
    std::ostream& stream;
    sha256 hash;
    progress_bar bar;
};

std::size_t receive(char* bytes, std::size_t one, std::size_t size, void* user) {
    auto& to = *static_cast<sink*>(user);
    to.stream.write(bytes, static_cast<std::streamsize>(one * size));
    return to.stream && to.hash.update(bytes, one * size) ? one * size : 0;
}

int report_progress(void* user, curl_off_t total, curl_off_t now, curl_off_t, curl_off_t) {
    if (total > 0)
        static_cast<sink*>(user)->bar.show(static_cast<double>(now) / static_cast<double>(total));
    return 0;
}

void download(const std::string& url, sink& to) {
    constexpr long connect_seconds = 15, stalled_seconds = 30, least_bytes_a_second = 100;
    constexpr curl_off_t most_bytes = curl_off_t{1} << 30;
    const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> handle(curl_easy_init(), &curl_easy_cleanup);
    if (!handle)
        throw io_error(url + ": libcurl cannot be started");
    const auto set = [&](CURLoption option, auto value) { curl_easy_setopt(handle.get(), option, value); };
    std::array<char, CURL_ERROR_SIZE> message{};
    set(CURLOPT_ERRORBUFFER, message.data());
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "https,http,file");
    set(CURLOPT_REDIR_PROTOCOLS_STR, "https");
    set(CURLOPT_FOLLOWLOCATION, 1L);
    set(CURLOPT_FAILONERROR, 1L);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_CONNECTTIMEOUT, connect_seconds);
    set(CURLOPT_LOW_SPEED_TIME, stalled_seconds);
    set(CURLOPT_LOW_SPEED_LIMIT, least_bytes_a_second);
    set(CURLOPT_MAXFILESIZE_LARGE, most_bytes);
    set(CURLOPT_WRITEFUNCTION, &receive);
    set(CURLOPT_WRITEDATA, static_cast<void*>(&to));
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, &report_progress);
    set(CURLOPT_XFERINFODATA, static_cast<void*>(&to));
    const CURLcode code = curl_easy_perform(handle.get());
    if (code != CURLE_OK)
        throw io_error(url + ": cannot be downloaded: " +
                       (message[0] != '\0' ? message.data() : curl_easy_strerror(code)));
}

// The digits between the last '-' and the extension: "b0353104" of "mobilenet_v2-b0353104.pth".
std::string hash_suffix(const std::filesystem::path& file) {
    constexpr std::size_t least_digits = 8;
    const std::string stem = file.stem().string();
    const std::string digits = stem.substr(stem.rfind('-') + 1);
    if (stem.find('-') == std::string::npos || digits.size() < least_digits ||
        digits.find_first_not_of("0123456789abcdef") != std::string::npos)
        throw io_error(file.string() + ": the name does not end with '-' and digits of its SHA-256");
    return digits;
}

} // namespace

std::filesystem::path cache_folder() {
    const auto environment = [](const char* name) {
        const char* value = std::getenv(name);
        return std::filesystem::path(value == nullptr ? "" : value);
    };
    if (const auto own = environment("FOVEA_CACHE"); !own.empty())
        return own;
    if (const auto base = environment("XDG_CACHE_HOME"); !base.empty())
        return base / "fovea";
    if (const auto home = environment("HOME"); !home.empty())
        return home / ".cache" / "fovea";
    throw io_error("no folder for downloads: set FOVEA_CACHE");
}

std::filesystem::path fetch(const std::string& url, const std::string& file, bool has_digits) {
    const std::filesystem::path source = std::filesystem::path(url).filename();
    const bool is_wheel = source.extension() == ".whl" && !file.empty();
    const std::filesystem::path name = is_wheel ? std::filesystem::path(file) : source;
    const std::string expected = has_digits ? hash_suffix(name) : std::string();
    const std::filesystem::path path = cached_file(name.string());
    if (std::filesystem::exists(path))
        return path;
    std::error_code code;
    std::filesystem::create_directories(path.parent_path(), code);
    if (code)
        throw io_error(path.parent_path().string() + ": " + code.message());
    write_file(path, [&](std::ostream& stream) {
        std::ostringstream wheel;
        sink to{is_wheel ? wheel : stream, {}, progress_bar(name.string())};
        download(url, to);
        if (is_wheel) {
            to.hash = {};
            unpack_wheel(wheel.str(), url, name.string(), [&](const char* bytes, std::size_t size) {
                stream.write(bytes, static_cast<std::streamsize>(size));
                to.hash.update(bytes, size);
            });
        }
        const std::string found = to.hash.finish();
        if (found.compare(0, expected.size(), expected) != 0)
            throw format_error(url + ": expected a SHA-256 that begins with " + expected + ", found " +
                               found.substr(0, expected.size()));
    });
    return path;
}

} // namespace fovea::cli
