#!/usr/bin/env bash
# Compares fovea with other engines on this machine: bash benchmarks/peers/run.sh [OPTIONS OF peers.py]
# Installs what is missing (Debian packages, and a private Python environment in build/peers), exports the networks, builds
# fovea for this processor, measures, and writes benchmarks/peers/results/<processor>.{json,md,png}.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$root/build/peers
mkdir -p "$work"

packages=(g++ cmake ninja-build libxsimd-dev libboost-dev libcli11-dev nlohmann-json3-dev
          python3-venv python3-torch python3-torchvision)
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

python=$work/venv/bin/python
if ! "$python" -c "import matplotlib, ncnn, onnx, onnxruntime, openvino, ai_edge_litert" 2>/dev/null; then
    /usr/bin/python3 -m venv "$work/venv"
    "$python" -m pip install -q numpy matplotlib onnx onnxruntime openvino ncnn ai-edge-litert
    "$python" -m pip install -q --no-deps pnnx # its dependency torch would bring gigabytes of CUDA; its program needs none
fi

networks=$work/networks
if [ ! -e "$networks/done" ]; then
    /usr/bin/python3 "$here/export.py" "$networks"
    pnnx=$("$python" -c "import importlib.util as i; print(i.find_spec('pnnx').submodule_search_locations[0])")/pnnx
    chmod +x "$pnnx"
    for folder in "$networks"/*/; do
        shape=$("$python" -c "import numpy, sys; print(*numpy.load(sys.argv[1]).shape, sep=',')" "$folder/input.npy")
        (cd "$folder" && "$pnnx" network.pt "inputshape=[$shape]" fp16=0 >pnnx.log 2>&1)
        [ "$(basename "$folder")" = efficientdet_d0 ] || # what it is made of, to_tflite.py does not know
            "$python" "$here/to_tflite.py" "$folder/network.onnx" "$folder/network.tflite"
    done
    touch "$networks/done"
fi

cmake -S "$root" -B "$work/cmake" -G Ninja -DCMAKE_BUILD_TYPE=Release -DFOVEA_TESTS=OFF -DFOVEA_EXAMPLES=OFF \
    -DFOVEA_BENCHMARKS=ON >"$work/cmake.log"
cmake --build "$work/cmake" --target fovea_worker
"$python" "$here/peers.py" --folder "$networks" --worker "$work/cmake/bin/fovea_worker" --results "$here/results" "$@"
