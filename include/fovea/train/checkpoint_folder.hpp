// The checkpoints of a run: the last one, the one before it, and which of them a resumed run takes.
#pragma once

#include <fovea/train/checkpoint.hpp>

#include <filesystem>
#include <map>
#include <string>
#include <system_error>

namespace fovea {

// A checkpoint to go on from.
struct resumed_checkpoint {
    training_state state;
    std::filesystem::path path;
    std::string warning; // why it is not the last one; empty when it is
};

// last.safetensors and previous.safetensors in a folder. One run at a time.
class checkpoint_folder {
public:
    explicit checkpoint_folder(std::filesystem::path folder) : folder_(std::move(folder)) {}

    std::filesystem::path last() const { return folder_ / "last.safetensors"; }
    std::filesystem::path previous() const { return folder_ / "previous.safetensors"; }

    // True when there is anything to resume from, whole or not.
    bool has_any() const {
        std::error_code ignored;
        return std::filesystem::exists(last(), ignored) || std::filesystem::exists(previous(), ignored);
    }

    // Writes the new last checkpoint; the old one becomes the previous one, unless it is broken. At every
    // moment one of the two is whole, once one was. Throws io_error when the new one cannot be written; the
    // last one stays.
    void save(const training_state& state) const {
        atomic_file file(last());
        file.write(detail::checkpoint_bytes(state));
        file.commit([this] {
            if (is_whole(last()))
                keep_as_previous();
        });
    }

    // The last checkpoint, or the previous one with a warning that says why. Throws format_error or io_error
    // when neither can be read, with both reasons.
    resumed_checkpoint load() const {
        std::string reason;
        try {
            return {load_checkpoint(last()), last(), {}};
        } catch (const error& e) {
            reason = e.what();
        }
        try {
            return {load_checkpoint(previous()), previous(),
                    reason + "; going on from " + previous().string()};
        } catch (const io_error& e) {
            throw io_error(reason + "; and " + e.what());
        } catch (const error& e) {
            throw format_error(reason + "; and " + e.what());
        }
    }

private:
    static bool is_whole(const std::filesystem::path& path) {
        try {
            const file_bytes bytes = read_file(path);
            detail::check_whole(detail::as_text(byte_span(bytes)), path.string());
            return true;
        } catch (const error&) {
            return false;
        }
    }

    // A second name for the last checkpoint, so that it never lacks its own; where a file system has no links
    // it is renamed, and for a moment there is only the previous one.
    void keep_as_previous() const {
        const std::filesystem::path link = atomic_file::partial_path(previous());
        std::error_code code;
        std::filesystem::remove(link, code);
        std::filesystem::create_hard_link(last(), link, code);
        std::filesystem::rename(code ? last() : link, previous(), code);
        std::error_code ignored; // a rename between two names of one file leaves both
        std::filesystem::remove(link, ignored);
        if (code)
            throw io_error(previous().string() + ": cannot be replaced: " + code.message());
    }

    std::filesystem::path folder_;
};

// Throws input_error unless a checkpoint was made with these settings; names every one that differs with both
// values. `file` names the checkpoint.
inline void require_same_settings(const training_state& checkpoint,
                                  const std::map<std::string, std::string>& settings, std::string_view file) {
    std::string differences;
    const auto differ = [&](const std::string& name, const std::string& then, const std::string& now) {
        differences += "\n  " + name + ": " + then + " in the checkpoint, " + now + " now";
    };
    for (const auto& [name, then] : checkpoint.settings) {
        const auto now = settings.find(name);
        if (now == settings.end())
            differ(name, "'" + then + "'", "not set");
        else if (now->second != then)
            differ(name, "'" + then + "'", "'" + now->second + "'");
    }
    for (const auto& [name, now] : settings)
        if (checkpoint.settings.count(name) == 0)
            differ(name, "not set", "'" + now + "'");
    if (!differences.empty())
        throw input_error(
            std::string(file) +
            ": the checkpoint was made with other settings and cannot be resumed:" + differences);
}

} // namespace fovea
