#!/usr/bin/env bash
# The C++ snippets of README.md and docs/ compile. Pages that need a library that is not there are left out.
#   check_snippets.sh ROOT MISSING COMPILER FLAGS...    MISSING: headers that do not compile here, a|b, or none
set -eu
root=$1 missing=$2
shift 2
cd "$root"

pages=()
for page in README.md $(find docs -name '*.md' | sort); do
    if [ -f "$page" ] && ! grep -qE "#include <fovea/($missing)\.hpp>" "$page"; then
        pages+=("$page")
    fi
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
awk -f tests/docs/snippets.awk "${pages[@]}" >"$work/snippets.cpp"
tail -n 1 "$work/snippets.cpp"
grep -q '^namespace snippet_10 ' "$work/snippets.cpp" # the pages have been read
"$@" -fsyntax-only -I include -I tests "$work/snippets.cpp"
