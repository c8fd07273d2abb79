# fovea_dispatch(<target> <source>... [ARCHS <set>...]): compiles sources of a target once for each instruction set.
#
# One of the sources defines functions with FOVEA_DISPATCH (fovea/dispatch.hpp), which choose when the program runs.
# Sets: sse2, which is the baseline and always there, avx2 (with FMA) and avx512 (F, CD, DQ, BW, VL); all three by default.
# Elsewhere than on x86-64 with ELF objects there is one set: the sources are compiled as any others of the target are.
#
# Objects above the baseline are isolated: whatever is not a function of FOVEA_DISPATCH becomes local to its set, inline
# functions and instances of templates above all. Otherwise the linker could give the whole program the copy of
# std::sort<float*> that has AVX-512 in it. See docs/dispatch.md.
#
# Call it in the directory of the target, after setting the target's properties.

function(fovea_dispatch target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "ARCHS")
  if(NOT TARGET ${target} OR NOT arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "fovea_dispatch: expected a target and sources, found '${target} ${arg_UNPARSED_ARGUMENTS}'")
  endif()
  get_target_property(directory ${target} SOURCE_DIR)
  if(NOT directory STREQUAL CMAKE_CURRENT_SOURCE_DIR)
    message(FATAL_ERROR "fovea_dispatch: ${target} is a target of ${directory}; call it there")
  endif()
  if(NOT arg_ARCHS)
    set(arg_ARCHS sse2 avx2 avx512)
  endif()
  foreach(arch IN LISTS arg_ARCHS)
    if(NOT arch MATCHES "^(sse2|avx2|avx512)$")
      message(FATAL_ERROR "fovea_dispatch: unknown instruction set '${arch}'; expected sse2, avx2 or avx512")
    endif()
  endforeach()

  fovea_dispatch_find_tools()
  if(NOT FOVEA_DISPATCH_POSSIBLE)
    target_sources(${target} PRIVATE ${arg_UNPARSED_ARGUMENTS})
    return()
  endif()
  set(above "")
  foreach(arch avx2 avx512) # in the order of fovea::instruction_set
    if(arch IN_LIST arg_ARCHS)
      fovea_dispatch_add_isolated(${target} ${arch} ${arg_UNPARSED_ARGUMENTS})
      string(APPEND above " apply(name, ${arch})")
    endif()
  endforeach()
  fovea_dispatch_write_units(units ${target} sse2 "FOVEA_DISPATCH_ABOVE(apply, name)${above}" ${arg_UNPARSED_ARGUMENTS})
  target_sources(${target} PRIVATE ${units})
endfunction()

# Sets FOVEA_DISPATCH_POSSIBLE, and FOVEA_DISPATCH_LINKER where it is.
function(fovea_dispatch_find_tools)
  include(CheckCXXSourceCompiles)
  set(CMAKE_REQUIRED_QUIET ON)
  check_cxx_source_compiles("
    #if !defined(__x86_64__) || !defined(__ELF__) || !defined(__GNUC__)
    #error
    #endif
    int main() {}" FOVEA_DISPATCH_POSSIBLE)
  if(NOT FOVEA_DISPATCH_POSSIBLE OR FOVEA_DISPATCH_LINKER)
    return()
  endif()
  find_program(fovea_gnu_linker NAMES ld.bfd ld NO_CACHE)
  foreach(linker ${CMAKE_LINKER} ${fovea_gnu_linker})
    execute_process(COMMAND ${linker} --help OUTPUT_VARIABLE help ERROR_QUIET)
    if(help MATCHES "--force-group-allocation" AND NOT FOVEA_DISPATCH_LINKER)
      set(FOVEA_DISPATCH_LINKER ${linker} CACHE FILEPATH "Linker with --force-group-allocation, for fovea_dispatch()")
    endif()
  endforeach()
  if(NOT FOVEA_DISPATCH_LINKER OR NOT CMAKE_OBJCOPY OR NOT CMAKE_NM)
    message(FATAL_ERROR "fovea_dispatch: needs ld with --force-group-allocation, objcopy and nm (GNU binutils 2.29)")
  endif()
endfunction()

# For each source a file that includes it with what FOVEA_DISPATCH has to know, compiled with the set's flags. A source of
# its own because its flags come last, behind those of the target and of all that the target links.
function(fovea_dispatch_write_units result target arch definition)
  set(flags_sse2 -march=x86-64)
  set(flags_avx2 ${flags_sse2} -mavx2 -mfma)
  set(flags_avx512 ${flags_avx2} -mavx512f -mavx512cd -mavx512dq -mavx512bw -mavx512vl)
  # What must not be there in each: flags of the target, as -mavx, that a later -march leaves on.
  set(refused_sse2 __AVX__)
  set(refused_avx2 __AVX512F__)
  set(refused_avx512 __AVX512VBMI__)
  set(refused ${refused_${arch}})
  # Link-time optimisation would bring back functions that the linker merges.
  set(flags ${flags_${arch}} -fno-lto)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    list(APPEND flags -fno-gnu-unique) # objcopy cannot make unique symbols local
  endif()
  set(units "")
  foreach(source ${ARGN})
    get_filename_component(source ${source} ABSOLUTE)
    get_filename_component(name ${source} NAME)
    set(unit ${CMAKE_CURRENT_BINARY_DIR}/fovea_dispatch/${target}/${arch}/${name})
    file(CONFIGURE OUTPUT ${unit} @ONLY CONTENT [[
// Written by fovea_dispatch(): one source for @arch@.
#ifdef @refused@
#error "fovea_dispatch: flags of @target@, as -mavx, allow more than @arch@ has"
#endif
#include <fovea/arch.hpp>
#define @definition@
#include "@source@"
]])
    set_source_files_properties(${unit} PROPERTIES COMPILE_OPTIONS "${flags}" OBJECT_DEPENDS ${source}
      SKIP_PRECOMPILE_HEADERS ON SKIP_UNITY_BUILD_INCLUSION ON)
    list(APPEND units ${unit})
  endforeach()
  set(${result} ${units} PARENT_SCOPE)
endfunction()

# Compiles the sources for a set above the baseline with all that the target is compiled with, and gives the target one
# object in which only the functions of FOVEA_DISPATCH are global.
function(fovea_dispatch_add_isolated target arch)
  fovea_dispatch_write_units(units ${target} ${arch} FOVEA_DISPATCH_ABOVE_BASELINE ${ARGN})
  list(GET ARGN 0 first)
  get_filename_component(name ${first} NAME_WE)
  set(objects ${target}_${name}_${arch})
  add_library(${objects} OBJECT EXCLUDE_FROM_ALL ${units})
  foreach(property INCLUDE_DIRECTORIES COMPILE_DEFINITIONS COMPILE_OPTIONS COMPILE_FEATURES LINK_LIBRARIES)
    set_property(TARGET ${objects} PROPERTY ${property} $<TARGET_PROPERTY:${target},${property}>)
  endforeach()
  foreach(property CXX_STANDARD CXX_EXTENSIONS CXX_VISIBILITY_PRESET POSITION_INDEPENDENT_CODE)
    get_target_property(value ${target} ${property})
    if(NOT value MATCHES "-NOTFOUND$")
      set_property(TARGET ${objects} PROPERTY ${property} ${value})
    endif()
  endforeach()
  get_target_property(type ${target} TYPE)
  if(type MATCHES "SHARED|MODULE")
    set_property(TARGET ${objects} PROPERTY POSITION_INDEPENDENT_CODE ON)
  endif()
  set_property(TARGET ${objects} PROPERTY INTERPROCEDURAL_OPTIMIZATION OFF)

  set(check ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/fovea_dispatch_check.cmake)
  set(isolated ${CMAKE_CURRENT_BINARY_DIR}/fovea_dispatch/${target}/${name}_${arch}.o)
  add_custom_command(OUTPUT ${isolated}
    COMMAND ${FOVEA_DISPATCH_LINKER} -r --force-group-allocation -o ${isolated}.merged $<TARGET_OBJECTS:${objects}>
    COMMAND ${CMAKE_OBJCOPY} --wildcard "--keep-global-symbol=*_fovea_${arch}*" ${isolated}.merged ${isolated}
    COMMAND ${CMAKE_COMMAND} -DNM=${CMAKE_NM} -DOBJECT=${isolated} -DARCH=${arch} -P ${check}
    DEPENDS ${objects} $<TARGET_OBJECTS:${objects}> ${check}
    COMMENT "Isolating ${name} for ${arch}" COMMAND_EXPAND_LISTS VERBATIM)
  set_source_files_properties(${isolated} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
  target_sources(${target} PRIVATE ${isolated})
endfunction()
