// The EXIF orientation of a photo: which way the camera was held, and how to turn the picture upright.
#pragma once

#include <cstddef>
#include <cstring>
#include <limits>
#include <memory>

#include <libexif/exif-data.h>

#include <fovea/io/byte_cursor.hpp>
#include <fovea/preprocess/image.hpp>
#include <fovea/tensor/view.hpp>

namespace fovea::detail {

// 1 to 8 (EXIF 2.3, tag 0x0112); 1, upright, when the block has none or is damaged. `exif` begins with
// "Exif\0\0".
inline int exif_orientation(byte_span exif) {
    if (exif.size() > std::numeric_limits<unsigned int>::max())
        return 1;
    const std::unique_ptr<ExifData, decltype(&exif_data_unref)> data(exif_data_new(), &exif_data_unref);
    if (data == nullptr)
        return 1;
    // Tags stay as they are, and maker notes, of no use here, keep their bytes.
    exif_data_unset_option(data.get(), EXIF_DATA_OPTION_FOLLOW_SPECIFICATION);
    exif_data_set_option(data.get(), EXIF_DATA_OPTION_DONT_CHANGE_MAKER_NOTE);
    exif_data_load_data(data.get(), exif.data(), static_cast<unsigned int>(exif.size()));
    ExifContent* content = data->ifd[EXIF_IFD_0];
    const ExifEntry* entry =
        content != nullptr ? exif_content_get_entry(content, EXIF_TAG_ORIENTATION) : nullptr;
    if (entry == nullptr || entry->format != EXIF_FORMAT_SHORT || entry->components != 1 || entry->size < 2)
        return 1;
    const int value = exif_get_short(entry->data, exif_data_get_byte_order(data.get()));
    return value >= 1 && value <= 8 ? value : 1;
}

// The picture as it should be seen. Orientations 5 to 8 swap width and height.
inline image oriented(image picture, int orientation) {
    if (orientation == 1)
        return picture;
    const bool transposed = orientation >= 5;
    const bool mirror_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    const bool mirror_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    image upright(transposed ? picture.height : picture.width, transposed ? picture.width : picture.height);
    for (std::size_t y = 0; y < upright.height; ++y)
        for (std::size_t x = 0; x < upright.width; ++x) {
            const std::size_t stored_x = transposed ? y : x, stored_y = transposed ? x : y;
            const std::size_t from_x = mirror_x ? picture.width - 1 - stored_x : stored_x;
            const std::size_t from_y = mirror_y ? picture.height - 1 - stored_y : stored_y;
            std::memcpy(upright.row(y) + 3 * x, picture.row(from_y) + 3 * from_x, 3);
        }
    return upright;
}

} // namespace fovea::detail
