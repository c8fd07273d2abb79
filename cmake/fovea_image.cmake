# fovea_define_image_target(<name>): an INTERFACE target for fovea/io/image.hpp, when its libraries are there.

function(fovea_define_image_target name)
  find_package(JPEG QUIET)
  find_package(PNG QUIET)
  find_path(FOVEA_EXIF_INCLUDE_DIR libexif/exif-data.h)
  find_library(FOVEA_EXIF_LIBRARY exif)
  find_path(FOVEA_STB_INCLUDE_DIR stb/stb_image.h)
  if(NOT JPEG_FOUND OR NOT PNG_FOUND OR NOT FOVEA_EXIF_INCLUDE_DIR OR NOT FOVEA_EXIF_LIBRARY
     OR NOT FOVEA_STB_INCLUDE_DIR)
    message(STATUS "fovea: libjpeg, libpng, libexif or stb not found; target fovea::image is not defined")
    return()
  endif()
  add_library(${name} INTERFACE)
  set_target_properties(${name} PROPERTIES EXPORT_NAME image)
  target_link_libraries(${name} INTERFACE fovea JPEG::JPEG PNG::PNG ${FOVEA_EXIF_LIBRARY})
  target_include_directories(${name} SYSTEM INTERFACE ${FOVEA_EXIF_INCLUDE_DIR} ${FOVEA_STB_INCLUDE_DIR})
endfunction()
