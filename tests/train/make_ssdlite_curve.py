#!/usr/bin/env python3
"""Writes tests/data/train/curve_*.json: the losses of thirty steps of SSDLite as torchvision and torch train it.

Run with Debian's python3-torchvision; `make_ssdlite_curve.py CURVE...` writes only those, `--check` instead repeats each with
two threads and in double precision and says how far the losses are from the committed ones. All is drawn from names: the
parameters (streams.fill_value), image i as scene("curve<i>"), and its boxes are the last shapes painted into it
(paint_targets). Step s takes images (s * batch + k) % images, k = 0..batch-1; no augmentation, no dropout.

Batch statistics on maps of few pixels are ill-conditioned: with all norms in training mode float32 and float64 are 5 % apart
within ten steps. Norms whose name starts with a prefix of `frozen_norms` therefore keep their running statistics.
"""
import argparse
import functools
import json
import os
import sys

import torch
import torchvision
from torch import nn
from torchvision.models.detection import _utils as detection_utils
from torchvision.models.detection import ssdlite
from torchvision.models.detection.anchor_utils import DefaultBoxGenerator
from torchvision.models.detection.ssd import SSD

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "golden"))
import streams  # noqa: E402

FOLDER = os.path.join(HERE, "..", "data", "train")
SHAPES, DRAWS, BACKGROUND_DRAWS = 24, 9, 6  # what streams.scene paints, and its numbers
OBJECTS = 3  # an image
LOSSES = ("bbox_regression", "classification")
NORM = functools.partial(nn.BatchNorm2d, eps=0.001, momentum=0.03)  # torchvision's for SSDLite


def paint_targets(name, size):
    """(boxes [3, 4] in pixels, labels [3]) of scene(name, size, size): label 1 is a rectangle, 2 an ellipse."""
    draws = [int(v) for v in streams.stream("scene:" + name, BACKGROUND_DRAWS + SHAPES * DRAWS)]
    boxes, labels = [], []
    for shape in range(SHAPES - OBJECTS, SHAPES):
        q = draws[BACKGROUND_DRAWS + DRAWS * shape:]
        cx, cy, rx, ry = q[1] % size, q[2] % size, 4 + q[3] % (size // 4), 4 + q[4] % (size // 4)
        boxes.append([max(cx - rx, 0), max(cy - ry, 0), min(cx + rx + 1, size), min(cy + ry + 1, size)])
        labels.append(1 + q[0] % 2)
    return boxes, labels


def ssdlite_small(size, classes):
    """SSDLite as torchvision builds it, on MobileNetV3-Small with its full tail."""
    network = torchvision.models.mobilenet_v3_small(norm_layer=NORM)
    backbone = ssdlite._mobilenet_extractor(network, 6, NORM)
    channels = detection_utils.retrieve_out_channels(backbone, (size, size))
    anchors = DefaultBoxGenerator([[2, 3] for _ in channels], min_ratio=0.2, max_ratio=0.95)
    head = ssdlite.SSDLiteHead(channels, anchors.num_anchors_per_location(), classes, NORM)
    return SSD(backbone, anchors, (size, size), classes, head=head, image_mean=[0.5] * 3, image_std=[0.5] * 3)


def ssdlite320_large(size, classes):
    assert size == 320
    return ssdlite.ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=classes)


SMALL = {"model": "ssdlite_mobilenet_v3_small", "build": ssdlite_small, "size": 128, "classes": 3, "batch": 8, "images": 16}
LARGE = {"model": "ssdlite320_mobilenet_v3_large", "build": ssdlite320_large, "size": 320, "classes": 91, "batch": 4,
         "images": 12}
SMALL_MAPS = ["backbone.extra."] + ["head.%s_head.module_list.%d." % (kind, level)
                                    for kind in ("classification", "regression") for level in (2, 3, 4, 5)]
LARGE_MAPS = ["backbone.extra.2.", "backbone.extra.3."] + ["head.%s_head.module_list.%d." % (kind, level)
                                                           for kind in ("classification", "regression")
                                                           for level in (4, 5)]
CURVES = {
    "curve_ssdlite128_small": {**SMALL, "frozen_norms": SMALL_MAPS, "lr": 1e-3},
    "curve_ssdlite128_small_frozen": {**SMALL, "frozen_norms": [""], "lr": 3e-3},
    "curve_ssdlite320_large": {**LARGE, "frozen_norms": LARGE_MAPS, "lr": 1e-3},
    "curve_ssdlite320_large_frozen": {**LARGE, "frozen_norms": [""], "lr": 1e-3},
}
SHARED = {"steps": 30, "momentum": 0.9, "weight_decay": 4e-5, "gain": 0.85, "gain_prefix": [["head.", 0.1]]}


def fill(model, gain, gain_prefix):
    entries = model.state_dict()

    def gain_of(name):
        fitting = [(len(prefix), value) for prefix, value in gain_prefix if name.startswith(prefix)]
        return max(fitting)[1] if fitting else gain

    with torch.no_grad():
        for name, value in entries.items():
            weight = entries.get(name[:-len("bias")] + "weight") if name.endswith("bias") else None
            norm = weight is not None and weight.dim() == 1
            value.copy_(torch.from_numpy(streams.fill_value(name, tuple(value.shape), norm, gain_of(name))))
    return model


def start(settings):
    model = fill(settings["build"](settings["size"], settings["classes"]), settings["gain"], settings["gain_prefix"])
    model.train()
    for name, module in model.named_modules():
        if isinstance(module, nn.Dropout):
            module.eval()
        if isinstance(module, nn.BatchNorm2d) and name.startswith(tuple(settings["frozen_norms"])):
            module.eval()  # running statistics; weight and bias are trained
    return model


def train(settings, dtype=torch.float32):
    """[[bbox_regression, classification, total] of a step]"""
    model, size = start(settings).to(dtype), settings["size"]
    names = ["curve%d" % i for i in range(settings["images"])]
    images = [torch.from_numpy(streams.scene(name, size, size)).permute(2, 0, 1).to(dtype) / 255 for name in names]
    targets = [dict(zip(("boxes", "labels"), map(torch.tensor, paint_targets(name, size)))) for name in names]
    for target in targets:
        target["boxes"] = target["boxes"].to(dtype)
    optimizer = torch.optim.SGD(model.parameters(), lr=settings["lr"], momentum=settings["momentum"],
                                weight_decay=settings["weight_decay"])
    curve = []
    for step in range(settings["steps"]):
        batch = [(step * settings["batch"] + k) % settings["images"] for k in range(settings["batch"])]
        losses = model([images[i] for i in batch], [dict(targets[i]) for i in batch])
        total = losses["bbox_regression"] + losses["classification"]
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        curve.append([float(losses[key]) for key in LOSSES] + [float(total)])
    return curve


def spread(curve, reference):
    """The largest relative difference of any loss at any step."""
    return max(abs(a - b) / abs(b) for step, other in zip(curve, reference) for a, b in zip(step, other))


def path_of(name):
    return os.path.join(FOLDER, name + ".json")


def write(name, settings):
    model = start(settings)
    targets = [paint_targets("curve%d" % i, settings["size"]) for i in range(settings["images"])]
    curve = train(settings)
    manifest = {"case": name, "reference": "torchvision %s, torch %s" % (torchvision.__version__, torch.__version__)}
    manifest.update((key, value) for key, value in settings.items() if key not in ("build", "gain", "gain_prefix"))
    manifest["fill"] = {"prefix": "", "gain": settings["gain"], "gain_prefix": settings["gain_prefix"]}
    manifest["param_count"] = sum(p.numel() for p in model.parameters())
    manifest["pictures"] = [{"scene": "curve%d" % i, "boxes": boxes, "labels": labels}
                            for i, (boxes, labels) in enumerate(targets)]
    manifest["curve"] = [dict(zip((*LOSSES, "total"), step)) for step in curve]
    streams.write_manifest(path_of(name), manifest)
    print(name, "loss %.4f to %.4f" % (curve[0][2], curve[-1][2]), flush=True)
    manifest["float64_spread"] = float("%.2g" % spread(curve, train(settings, torch.float64)))
    streams.write_manifest(path_of(name), manifest)
    print(name, "float64 differs by", manifest["float64_spread"], flush=True)


def check(name, settings):
    with open(path_of(name)) as file:
        committed = [list(step.values()) for step in json.load(file)["curve"]]
    again = spread(train(settings), committed)
    torch.set_num_threads(2)
    threads = spread(train(settings), committed)
    torch.set_num_threads(1)
    double = spread(train(settings, torch.float64), committed)
    print("%s: again %.2g, two threads %.2g, float64 %.2g" % (name, again, threads, double), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("curves", nargs="*", metavar="CURVE")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for curve_name in arguments.curves or CURVES:
        (check if arguments.check else write)(curve_name, {**SHARED, **CURVES[curve_name]})
