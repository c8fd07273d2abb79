#!/usr/bin/env bash
# consume.sh WAY FOVEA_SOURCE FOVEA_BUILD WORK CMAKE COMPILER WITH_IMAGE: builds and runs tests/consume/project.
# WAY: package (cmake --install and find_package), subdirectory (add_subdirectory) or fetch (FetchContent).
set -eu
way=$1 source=$2 build=$3 work=$4 cmake=$5 compiler=$6 with_image=$7
rm -rf "$work"
if [ "$way" = package ]; then
    "$cmake" --install "$build" --prefix "$work/prefix" >"$work.install.log"
fi
"$cmake" -G Ninja -S "$source/tests/consume/project" -B "$work/build" -DCMAKE_CXX_COMPILER="$compiler" \
    -DFOVEA_WAY="$way" -DFOVEA_SOURCE="$source" -DCMAKE_PREFIX_PATH="$work/prefix" -DWITH_IMAGE="$with_image"
# Nothing of fovea's own is built for its users: the project's one program and its one object are all there is.
"$cmake" --build "$work/build"
"$work/build/consumer"
programs=$(find "$work/build" -type f -perm -u+x -not -path '*/CMakeFiles/*' | wc -l)
[ "$programs" -eq 1 ] || { echo "FAILED: $programs programs were built, expected 1"; exit 1; }
