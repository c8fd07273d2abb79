// A small data set for tests of `fovea train`: colored rectangles on gray photos, in a folder as VOC has it.
#pragma once

#include "program.hpp"

#include <fovea/train/random.hpp>

#include <array>
#include <string>
#include <vector>

namespace fovea::test {

class train_photos {
public:
    // Eight photos of 64x48 pixels: six in the split "train", two in "val".
    explicit train_photos(const fs::path& folder) : folder_(folder) {
        for (const char* part : {"Annotations", "JPEGImages", "ImageSets/Main"})
            fs::create_directories(folder / part);
        std::string train, val;
        for (int i = 0; i < 8; ++i) {
            const std::string name = "photo" + std::to_string(i);
            draw(name, static_cast<std::uint64_t>(i));
            (i < 6 ? train : val) += name + "\n";
        }
        write_text(folder / "ImageSets/Main/train.txt", train);
        write_text(folder / "ImageSets/Main/val.txt", val);
    }

    fs::path path() const { return folder_; }
    fs::path photo(const std::string& name) const { return folder_ / "JPEGImages" / (name + ".ppm"); }
    fs::path annotation(const std::string& name) const { return folder_ / "Annotations" / (name + ".xml"); }

    // Replaces a part of an annotation, which must be there.
    void change(const std::string& name, const std::string& part, const std::string& other) const {
        std::string text = read_text(annotation(name));
        const std::size_t at = text.find(part);
        REQUIRE(at != std::string::npos);
        write_text(annotation(name), text.replace(at, part.size(), other));
    }

private:
    static constexpr int width = 64, height = 48;

    // One rectangle of each class.
    void draw(const std::string& name, std::uint64_t seed) {
        random_stream random(seed);
        std::string pixels(3 * width * height, '\x80'), xml;
        const std::array<std::string, 2> classes{"red", "blue"};
        for (std::size_t c = 0; c < classes.size(); ++c) {
            const int x = static_cast<int>(random.below(40)), y = static_cast<int>(random.below(24)),
                      side = 12 + static_cast<int>(random.below(12));
            for (int row = y; row < y + side; ++row)
                for (int column = x; column < x + side; ++column)
                    for (std::size_t channel = 0; channel < 3; ++channel)
                        pixels[3 * static_cast<std::size_t>(row * width + column) + channel] =
                            channel == 2 * c ? '\xf0' : '\x10';
            xml += "<object>\n<name>" + classes[c] + "</name>\n<bndbox>" + corner("xmin", x) +
                   corner("ymin", y) + corner("xmax", x + side) + corner("ymax", y + side) +
                   "</bndbox>\n</object>\n";
        }
        write_text(photo(name), "P6\n64 48\n255\n" + pixels);
        write_text(annotation(name), "<annotation>\n<size><width>64</width><height>48</height></size>\n" +
                                         xml + "</annotation>\n");
    }

    static std::string corner(const std::string& tag, int value) {
        return "<" + tag + ">" + std::to_string(value) + "</" + tag + ">";
    }

    fs::path folder_;
};

} // namespace fovea::test
