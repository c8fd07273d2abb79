# fovea_embed_weights(<target> <file> <identifier>): puts a file into a binary as it is.
#
# The target gets a header <identifier>.hpp that declares
#   fovea::span<const unsigned char> <identifier>() noexcept;
# for fovea::read_weights(<identifier>(), "<identifier>"). The assembler copies the file (.incbin), so 14 MB cost no
# compile time; a change of the file rebuilds it. Needs a GNU-style assembler: g++ or clang, ELF or Mach-O.

function(fovea_embed_weights target file identifier)
  if(NOT identifier MATCHES "^[A-Za-z_][A-Za-z0-9_]*$")
    message(FATAL_ERROR "fovea_embed_weights: '${identifier}' is not a C++ identifier")
  endif()
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang" OR MSVC)
    message(FATAL_ERROR "fovea_embed_weights: needs g++ or clang, found ${CMAKE_CXX_COMPILER_ID}")
  endif()
  get_filename_component(file "${file}" ABSOLUTE)
  if(NOT EXISTS "${file}" OR IS_DIRECTORY "${file}")
    message(FATAL_ERROR "fovea_embed_weights: no such file: ${file}")
  endif()
  set(folder "${CMAKE_CURRENT_BINARY_DIR}/fovea_embed/${target}")
  string(REGEX REPLACE [[([\\"])]] [[\\\1]] quoted "${file}")

  file(CONFIGURE OUTPUT "${folder}/${identifier}.hpp" @ONLY CONTENT [[
// Written by fovea_embed_weights(): the bytes of @file@
#pragma once

#include <cstddef>

#include <fovea/tensor/view.hpp>

extern "C" const unsigned char fovea_embedded_@identifier@_bytes[];
extern "C" const unsigned long long fovea_embedded_@identifier@_size;

inline fovea::span<const unsigned char> @identifier@() noexcept {
    return {fovea_embedded_@identifier@_bytes, static_cast<std::size_t>(fovea_embedded_@identifier@_size)};
}
]])
  file(CONFIGURE OUTPUT "${folder}/${identifier}.cpp" @ONLY CONTENT [[
// Written by fovea_embed_weights(): the bytes of @file@
#ifdef __APPLE__
#define FOVEA_SYMBOL(name) "_" name
#define FOVEA_SECTION ".section __TEXT,__const\n"
#define FOVEA_SECTION_END ".text\n"
#else
#define FOVEA_SYMBOL(name) name
#define FOVEA_SECTION ".pushsection .rodata\n"
#define FOVEA_SECTION_END ".popsection\n"
#endif
#define FOVEA_BYTES FOVEA_SYMBOL("fovea_embedded_@identifier@_bytes")
#define FOVEA_SIZE FOVEA_SYMBOL("fovea_embedded_@identifier@_size")

__asm__(FOVEA_SECTION
        ".globl " FOVEA_BYTES "\n"
        ".globl " FOVEA_SIZE "\n"
        ".p2align 6\n" FOVEA_BYTES ":\n"
        ".incbin \"@quoted@\"\n"
        "9:\n"
        ".p2align 3\n" FOVEA_SIZE ":\n"
        ".quad 9b - " FOVEA_BYTES "\n"
        FOVEA_SECTION_END);
]])
  # Symbols that only an assembler statement defines are lost in link-time optimisation.
  set_source_files_properties("${folder}/${identifier}.cpp" PROPERTIES
    OBJECT_DEPENDS "${file}" COMPILE_OPTIONS "-fno-lto")
  target_sources(${target} PRIVATE "${folder}/${identifier}.cpp")
  target_include_directories(${target} PRIVATE "${folder}")
endfunction()
