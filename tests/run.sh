#!/usr/bin/env bash
# All the set-up on a fresh Debian 12, then the tests. Ends with "N passed, N failed"; exits with 0 when none failed.
#   bash tests/run.sh            release code; most programs under ASan and UBSan; threads under ThreadSanitizer; NEON under
#                                qemu, which is skipped, with a word, where its packages cannot be installed
#   bash tests/run.sh PRESET     one preset of CMakePresets.json: ci, dev, sanitize, sanitize-cheap, tsan, neon or clang
set -eu
cd "$(dirname "$0")/.."

packages=(cmake ninja-build g++ libxsimd-dev libxtensor-dev libboost-dev libjpeg-dev libpng-dev libexif-dev
          nlohmann-json3-dev libpugixml-dev catch2 pkg-config libcli11-dev libcairo2-dev libcurl4-openssl-dev libssl-dev zlib1g-dev
          fonts-dejavu-core)
arm_packages=(g++-aarch64-linux-gnu qemu-user-static)
install_packages() { # PACKAGE...
    local missing=() as_root=() package
    for package in "$@"; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    [ "$(id -u)" -eq 0 ] || as_root=(sudo)
    "${as_root[@]}" apt-get update &&
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"
}
case ${1:-} in
clang) packages+=(clang) ;;
neon) packages+=("${arm_packages[@]}") ;;
esac
install_packages "${packages[@]}"

passed=0 failed=0 skipped=0
run_preset() {
    local preset=$1 log=build/$1/ctest.log began=$SECONDS total bad none
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
    echo "$preset: $((SECONDS - began)) s"
    passed=$((passed + total - bad - none)) failed=$((failed + bad)) skipped=$((skipped + none))
}
if [ $# -gt 0 ]; then
    run_preset "$1"
else
    arm=no
    if [ "$(uname -m)" = x86_64 ] && install_packages "${arm_packages[@]}"; then
        arm=yes
    fi
    run_preset ci
    run_preset sanitize-cheap
    run_preset tsan
    if [ $arm = yes ]; then
        run_preset neon
    else
        echo "NEON: skipped, as ${arm_packages[*]} are not there and cannot be installed" >&2
        skipped=$((skipped + 1))
    fi
fi

summary="$passed passed, $failed failed"
[ "$skipped" -eq 0 ] || summary+=", $skipped skipped"
echo "$summary"
[ "$failed" -eq 0 ]
