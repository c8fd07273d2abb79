#!/usr/bin/env bash
# Compares one training step with torch's on this machine: bash benchmarks/train_step/run.sh [OPTIONS OF compare.py]
# Installs what is missing (Debian packages, and PyPI's torch in a private Python environment in build/train_step), builds
# fovea's worker for this processor, measures, and writes benchmarks/train_step/results/.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$root/build/train_step
mkdir -p "$work"

packages=(g++ cmake ninja-build binutils libxsimd-dev libboost-dev libcli11-dev nlohmann-json3-dev
          python3-venv python3-numpy python3-torch python3-torchvision)
missing=()
for package in "${packages[@]}"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
    as_root=()
    [ "$(id -u)" -eq 0 ] || as_root=(sudo)
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >"$work/apt.log"
fi

# PyPI's torch for x86-64 is linked to gigabytes of CUDA: it is installed without them, and stub_cuda.py stands in.
python=$work/venv/bin/python
if ! "$python" -c "import torch, torchvision" 2>/dev/null; then
    /usr/bin/python3 -m venv "$work/venv"
    "$python" -m pip install -q numpy pillow typing_extensions sympy networkx jinja2 fsspec filelock setuptools
    "$python" -m pip install -q --no-deps torch torchvision
    /usr/bin/python3 "$here/stub_cuda.py" "$("$python" -c "import sysconfig; print(sysconfig.get_path('platlib'))")"
    "$python" -c "import torch, torchvision"
fi

cmake -S "$root" -B "$work/cmake" -G Ninja -DCMAKE_BUILD_TYPE=Release -DFOVEA_TESTS=OFF -DFOVEA_EXAMPLES=OFF \
    -DFOVEA_BENCHMARKS=ON >"$work/cmake.log"
cmake --build "$work/cmake" --target fovea_train_worker
/usr/bin/python3 "$here/compare.py" --worker "$work/cmake/bin/fovea_train_worker" --pypi-python "$python" \
    --results "$here/results" "$@"
