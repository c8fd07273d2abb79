#!/usr/bin/env bash
# check_inference.sh INCLUDE_DIR COMPILER FLAGS...: a program that only detects includes no header of training.
set -eu
include_dir=$1
shift
headers=$(printf '#include <fovea/fovea.hpp>\n#include <fovea/io/weights.hpp>\n' | "$@" -I "$include_dir" -M -x c++ -)
grep -q 'fovea/models/detector\.hpp' <<<"$headers" # the list is one of headers
if found=$(grep -oE '[^ ]*fovea/(train|kernels/training|program/(runtime_)?training|graph/(plan_)?training)[^ ]*' <<<"$headers"); then
    printf 'fovea/fovea.hpp includes headers of training:\n%s\n' "$found"
    exit 1
fi
