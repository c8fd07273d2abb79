# Compiles for 64-bit Arm on another Debian machine, and runs what it compiled under qemu. Debian packages:
# g++-aarch64-linux-gnu qemu-user-static. Debian's cross compiler finds the header-only libraries (xsimd, xtensor, Boost, Catch2) in
# /usr/include, behind the target's own headers; libraries of the host's processor are not found.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static -L /usr/aarch64-linux-gnu)

set(CMAKE_FIND_ROOT_PATH /usr/aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
foreach(package xsimd xtensor) # header-only: their package files are the same for every processor
  file(GLOB ${package}_DIR /usr/lib/*/cmake/${package})
endforeach()
