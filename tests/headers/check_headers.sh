#!/usr/bin/env bash
# check_headers.sh INCLUDE_DIR SKIPPED COMPILER FLAGS...: compiles every header of INCLUDE_DIR alone, two at a time.
# SKIPPED is a pattern of headers whose libraries are missing. Names each header that fails.
set -u
include_dir=$1 skipped=$2
shift 2
export include_dir
check() {
    header=$1
    shift
    printf '#include <%s>\n' "$header" | "$@" -I "$include_dir" -fsyntax-only -x c++ - || {
        echo "FAILED: $header"
        return 1
    }
}
export -f check
cd "$include_dir" || exit 1
find fovea -name '*.hpp' | sort | grep -vE "fovea/($skipped)" |
    xargs -P 2 -I '{}' bash -c 'check "$@"' check '{}' "$@"
