"""Numbers drawn from names, and golden manifests: the Python side of tests/support/fill.hpp and golden.hpp."""
import json
import math
import re

import numpy as np

SIGNIFICANT = "%.8g"


def fnv1a64_bytes(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def fnv1a64(text):
    return fnv1a64_bytes(text.encode("utf-8"))


def stream(name, count):
    """The first `count` outputs of splitmix64 seeded with fnv1a64(name), as uint64."""
    with np.errstate(over="ignore"):
        steps = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = np.uint64(fnv1a64(name)) + steps
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
        return z ^ z >> np.uint64(31)


def uniform(name, count):
    return (stream(name, count) >> np.uint64(40)).astype(np.float64) / 2**24


def size_of(shape):
    return int(np.prod(shape, dtype=np.int64))


def sample_indices(output, size, count):
    return (stream("sample:" + output, count) % np.uint64(size)).astype(np.int64)


def affine_rule(name, shape, has_norm_weight, gain):
    """(factor, scale, offset) of value = (scale * u + offset) * factor."""
    parts = name.split(".")
    last, owner = parts[-1], parts[-2] if len(parts) > 1 else ""
    if last == "running_mean":
        return 0.2, 2.0, -1.0
    if last == "running_var":
        return 1.0, 1.0, 0.5
    if last in ("scale_weight", "normalize_scale") or owner.endswith("norm_scale"):
        return 20.0, 0.5, 0.75
    if len(shape) >= 2:
        return math.sqrt(6.0 / size_of(shape[1:])) * gain, 2.0, -1.0
    if last == "edge_weights" or re.fullmatch(r"p\d_w\d", last):
        return 1.0, 1.2, -0.1
    if last == "weight":
        return 1.0, 0.5, 0.75
    if last == "bias" and has_norm_weight:
        return 0.2, 2.0, -1.0
    return 0.1, 2.0, -1.0


def fill_value(name, shape, has_norm_weight=False, gain=1.0):
    if name.split(".")[-1] == "num_batches_tracked":
        return np.zeros(shape, np.int64)
    factor, scale, offset = affine_rule(name, shape, has_norm_weight, gain)
    values = (scale * uniform(name, size_of(shape)) + offset) * factor
    return values.astype(np.float32).reshape(shape)


def fill_input(shape, rule="sym2", name="input"):
    u = uniform(name, size_of(shape))
    values = u if rule == "unit" else (2 * u - 1) * {"sym2": 2.0, "pixel": 128.0}[rule]
    return values.astype(np.float32).reshape(shape)


def scene(name, height, width):
    """A photo-like uint8 RGB image [height, width, 3]: gradient, 24 shaded rectangles and ellipses, noise."""
    draws = [int(v) for v in stream("scene:" + name, 6 + 24 * 9)]
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    image = np.stack([(draws[c] % 256 * x // width + draws[3 + c] % 256 * y // height) // 2 + 32 for c in range(3)],
                     axis=-1)
    for at in range(6, len(draws), 9):
        q = draws[at:at + 9]
        dx, dy = x - q[1] % width, y - q[2] % height
        rx, ry = 4 + q[3] % (width // 4), 4 + q[4] % (height // 4)
        ellipse = dx**2 * ry**2 + dy**2 * rx**2 <= rx**2 * ry**2
        inside = ellipse if q[0] & 1 else (abs(dx) <= rx) & (abs(dy) <= ry)
        shade = (dx + dy) * (q[8] % 64) // 16
        for c in range(3):
            image[..., c][inside] = (q[5 + c] % 256 + shade[inside]) & 255
    grain = (stream("scene-noise:" + name, image.size) % np.uint64(17)).astype(np.int64).reshape(image.shape) - 8
    return np.clip(image + grain, 0, 255).astype(np.uint8)


def number(value):
    return float(SIGNIFICANT % value)


def record(name, single, double=None, samples=64):
    """Manifest entry of one output: shape, statistics, sampled values, distance from the float64 run."""
    a = single.detach().numpy()
    flat = a.astype(np.float64).reshape(-1)
    entry = {"name": name, "shape": list(a.shape), "dtype": str(a.dtype),
             "mean": number(flat.mean()), "std": number(flat.std()), "min": number(flat.min()),
             "max": number(flat.max()), "l2": number(np.sqrt((flat * flat).sum()))}
    entry["samples"] = [number(v) for v in flat[sample_indices(name, flat.size, samples)]]
    if double is not None:
        entry["f64_max_abs_err"] = number(np.abs(double.detach().numpy().reshape(-1) - flat).max())
    return entry


def write_manifest(path, manifest):
    """One JSON object; each entry of a list of objects on a line of its own."""
    lines = []
    for key, value in manifest.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            text = "[\n" + ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in value) + "\n]"
        else:
            text = json.dumps(value, separators=(",", ":"))
        lines.append(json.dumps(key) + ": " + text)
    with open(path, "w") as file:
        file.write("{\n" + ",\n".join(lines) + "\n}\n")
