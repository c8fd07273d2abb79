#!/usr/bin/env bash
# Detects objects in photos: installs what is missing (Debian), builds the fovea command line and runs it.
#   bash examples/run.sh                              blood cells in a sample photo, by a detector that fovea trained
#   bash examples/run.sh [--weights FILE] PHOTO...    COCO's 80 kinds of objects in your photos
# Weights of the second: FILE, else the environment's FOVEA_WEIGHTS, else torchvision's published file (cached or downloaded).
set -euo pipefail

model=ssdlite320_mobilenet_v3_large
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
fovea=$root/build/release/bin/fovea
packages=(g++ cmake ninja-build pkg-config libxsimd-dev libboost-dev libcli11-dev nlohmann-json3-dev libjpeg-dev
          libpng-dev libexif-dev libpugixml-dev libcairo2-dev libcurl4-openssl-dev libssl-dev zlib1g-dev fonts-dejavu-core ca-certificates)

fail() {
    echo "run.sh: $1" >&2
    exit 1
}

photos=()
while (($#)); do
    case $1 in
    --weights)
        (($# > 1)) || fail "--weights needs a file"
        export FOVEA_WEIGHTS=$2
        shift 2
        ;;
    -h | --help)
        sed -n '2,5s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
        exit 0
        ;;
    -*) fail "unknown option $1; there is --weights FILE" ;;
    *)
        photos+=("$1")
        shift
        ;;
    esac
done
sample=no
if ((${#photos[@]} == 0)) && [[ -n ${FOVEA_WEIGHTS:-} ]]; then
    photos=("$root/examples/photos/pets.jpg")
elif ((${#photos[@]} == 0)); then
    sample=yes model=ssdlite320_blood_cells photos=("$root/examples/photos/blood_cells.jpg")
fi
for photo in "${photos[@]}"; do
    [[ -f $photo ]] || fail "$photo: no such photo"
done
[[ -z ${FOVEA_WEIGHTS:-} || -f $FOVEA_WEIGHTS ]] || fail "$FOVEA_WEIGHTS: no such weights file"

install_packages() {
    command -v dpkg-query >/dev/null || return 0 # not Debian: CMake says what it misses
    local missing=() package
    for package in "${packages[@]}"; do
        dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    echo "Installing ${missing[*]}"
    local as_root=()
    if ((EUID)); then
        command -v sudo >/dev/null || fail "needs root or sudo for: apt-get install ${missing[*]}"
        as_root=(sudo)
    fi
    "${as_root[@]}" apt-get update -qq || echo "run.sh: the package lists are old" >&2
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        "${missing[@]}" >/dev/null || echo "run.sh: not installed, trying without: ${missing[*]}" >&2
}

build() {
    cd "$root" && cmake --preset release && cmake --build --preset release --target fovea_cli
}

install_packages
echo "Building fovea (takes a few minutes the first time)"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
(build) >"$log" 2>&1 || {
    cat "$log" >&2
    fail "the build failed, see above"
}

for photo in "${photos[@]}"; do
    drawing=${photo%.*}_detections.png
    "$fovea" detect "$model" "$photo" --draw "$drawing" || exit 1
    echo "  drawn: $drawing"
done
if [[ $sample = yes ]]; then
    echo "Your photos: bash examples/run.sh PHOTO...  finds COCO's 80 kinds of objects; it downloads torchvision's weights"
    echo "(ssdlite320_mobilenet_v3_large_coco-a79551df.pth) once, or takes them from --weights FILE."
fi
