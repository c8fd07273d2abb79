"""Writes each network for all engines: weights.pth, network.onnx, network.pt (TorchScript), input.npy, expected<i>.npy.

    /usr/bin/python3 export.py FOLDER      (Debian: python3-torch python3-torchvision)
"""
import pathlib
import sys
import warnings

import numpy
import torch

import networks


def export(name, folder):
    network, image = networks.make(name)
    folder.mkdir(parents=True, exist_ok=True)
    with torch.no_grad():
        outputs = network(image)
        torch.jit.trace(network, image).save(str(folder / "network.pt"))
        torch.onnx.export(network, image, str(folder / "network.onnx"), opset_version=16, input_names=["image"])
    numpy.save(folder / "input.npy", image.numpy())
    for i, output in enumerate(outputs if isinstance(outputs, tuple) else [outputs]):
        numpy.save(folder / f"expected{i}.npy", output.numpy())
    torch.save(networks.weights_of(network), folder / "weights.pth")


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    for name in networks.NAMES:
        export(name, pathlib.Path(sys.argv[1]) / name)
