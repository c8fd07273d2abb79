# What fovea's own tests, examples and benchmarks are compiled with. Never reaches a user of the library.

add_library(fovea_developer INTERFACE)
target_compile_options(fovea_developer INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
  $<$<BOOL:${FOVEA_WERROR}>:-Werror>)

# Optimised for the machine that builds. Tests choose their instruction sets themselves.
add_library(fovea_native INTERFACE)
if(FOVEA_NATIVE)
  target_compile_options(fovea_native INTERFACE -march=native)
endif()
