#!/usr/bin/env bash
# All the set-up on a fresh Debian 12, then the tests. Ends with "N passed, N failed"; exits with 0 when none failed.
#   bash tests/run.sh            build/ci: release code, then the cheap programs under ASan and UBSan
#   bash tests/run.sh PRESET     one preset of CMakePresets.json: ci, dev, sanitize, sanitize-cheap or clang
set -eu
cd "$(dirname "$0")/.."

packages=(cmake ninja-build g++ libxsimd-dev libxtensor-dev libboost-dev libjpeg-dev libpng-dev libexif-dev
          nlohmann-json3-dev catch2 pkg-config libcli11-dev libcairo2-dev libcurl4-openssl-dev libssl-dev
          fonts-dejavu-core)
[ "${1:-}" = clang ] && packages+=(clang)
missing=()
for package in "${packages[@]}"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
    as_root=()
    [ "$(id -u)" -eq 0 ] || as_root=(sudo)
    "${as_root[@]}" apt-get update
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"
fi

passed=0 failed=0 skipped=0
run_preset() {
    local preset=$1 log=build/$1/ctest.log total bad none
    cmake --preset "$preset"
    cmake --build --preset "$preset"
    ctest --preset "$preset" --parallel "$(nproc)" | tee "$log" || true
    # "97% tests passed, 1 tests failed out of 30"; skipped tests count as passed there.
    total=$(sed -n 's/.*tests failed out of \([0-9]*\).*/\1/p' "$log")
    bad=$(sed -n 's/.*tests passed, \([0-9]*\) tests failed out of.*/\1/p' "$log")
    none=$(grep -c '\*\*\*Skipped' "$log" || true)
    if [ -z "$total" ]; then
        echo "ctest did not finish" >&2
        total=1 bad=1 none=0
    fi
    passed=$((passed + total - bad - none)) failed=$((failed + bad)) skipped=$((skipped + none))
}
if [ $# -gt 0 ]; then
    run_preset "$1"
else
    run_preset ci
    run_preset sanitize-cheap
fi

summary="$passed passed, $failed failed"
[ "$skipped" -eq 0 ] || summary+=", $skipped skipped"
echo "$summary"
[ "$failed" -eq 0 ]
