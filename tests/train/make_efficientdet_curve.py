#!/usr/bin/env python3
"""Writes tests/data/train/curve_efficientdet*.json: the losses of ten steps of a small EfficientDet as torch trains it.

Run with Debian's python3-torchvision; `make_efficientdet_curve.py --check` instead repeats each in double precision and says how
far the losses are from the committed ones. The network is tests/golden/efficientdet.py, the losses are those of
tests/data/make_efficientdet.py; everything else is as in make_ssdlite_curve.py: parameters, images and boxes are drawn from
names, step s takes images (s * batch + k) % images. No augmentation, no stochastic depth. Norms whose name has one of
`frozen_norms` in it keep their running statistics: those of maps of few pixels are ill-conditioned.
"""
import json
import os
import sys

import torch
from torch.nn import functional

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in ("golden", "data"):
    sys.path.insert(0, os.path.join(HERE, "..", folder))
import make_efficientdet as parts  # noqa: E402
import streams  # noqa: E402
from efficientdet import EPSILON, EfficientDet, Weights  # noqa: E402
from make_ssdlite_curve import paint_targets  # noqa: E402

FOLDER = os.path.join(HERE, "..", "data", "train")
BUFFERS = ("running_mean", "running_var", "num_batches_tracked")
MOMENTUM = 0.01  # of norms, as both ports have it
MODEL = {"width": 0.35, "depth": 0.5, "channels": 24, "cells": 2, "head_layers": 2, "classes": 2}
SHARED = {"size": 128, "batch": 4, "images": 8, "steps": 10, "momentum": 0.9, "weight_decay": 4e-5}
CURVES = {
    "curve_efficientdet128_zylo117": {
        **SHARED, "model": MODEL, "loss": "zylo117", "lr": 5e-4, "max_norm": 0,
        "frozen_norms": ["conv6_", "conv7_", "p5_to_p6", "bn_list.3.", "bn_list.4."],
        "gain_prefix": [["classifier.header", 0.3], ["regressor.header", 0.3]]},
    "curve_efficientdet128_effdet": {
        **SHARED, "model": {**MODEL, "border": "excluded", "names": "effdet"}, "loss": "effdet", "lr": 2e-2, "max_norm": 2,
        "frozen_norms": [""], "gain_prefix": [["class_net.predict", 0.3], ["box_net.predict", 0.3]]},
}


class TrainedDet(EfficientDet):
    """Norms with the statistics of the batch, but for frozen ones."""

    def norm(self, name, x):
        get, channels = self.weights.get, x.shape[1]
        gamma, beta = get(name + ".weight", channels), get(name + ".bias", channels, of_norm=True)
        mean, var = get(name + ".running_mean", channels), get(name + ".running_var", channels)
        get(name + ".num_batches_tracked")
        trains = not any(part in name for part in self.frozen_norms)
        return functional.batch_norm(x, mean, var, gamma, beta, trains, MOMENTUM, EPSILON)


def annotations_of(settings, dtype):
    """Rows x1 y1 x2 y2 class of each image."""
    rows = []
    for i in range(settings["images"]):
        boxes, labels = paint_targets("curve%d" % i, settings["size"])
        rows.append(torch.tensor([[*box, label - 1] for box, label in zip(boxes, labels)], dtype=dtype))
    return rows


def images_of(settings, dtype):
    size = settings["size"]
    scenes = [torch.from_numpy(streams.scene("curve%d" % i, size, size)) for i in range(settings["images"])]
    return torch.stack([(s.permute(2, 0, 1).to(dtype) / 255 - 0.5) / 0.5 for s in scenes])


def loss_of(settings, outputs, rows, dtype):
    anchor = parts.anchors(settings["size"], settings["size"], levels=(3, 4, 5, 6, 7)).to(dtype)
    values = (outputs["classification"], outputs["regression"], anchor, rows)
    return parts.zylo117_loss(*values) if settings["loss"] == "zylo117" else parts.effdet_loss(*values, 0.0)


def train(settings, dtype=torch.float32):
    """([[bbox_regression, classification] of a step], parameter count)"""
    model, weights = TrainedDet(**settings["model"], frozen_norms=settings["frozen_norms"]), Weights(settings["gain_prefix"])
    images, rows = images_of(settings, dtype), annotations_of(settings, dtype)
    with torch.no_grad():  # draws the parameters; running statistics stay as they are drawn
        EfficientDet(**settings["model"])(weights, images[:1].float())
    weights.dtype = dtype
    weights.values.update((n, v.to(dtype)) for n, v in weights.values.items())
    learnt = [v.requires_grad_() for n, v in weights.values.items() if not n.endswith(BUFFERS)]
    optimizer = torch.optim.SGD(learnt, lr=settings["lr"], momentum=settings["momentum"], weight_decay=settings["weight_decay"])
    curve = []
    for step in range(settings["steps"]):
        batch = [(step * settings["batch"] + k) % settings["images"] for k in range(settings["batch"])]
        classification, boxes = loss_of(settings, model(weights, images[batch]), [rows[i] for i in batch], dtype)
        optimizer.zero_grad()
        (classification + boxes).backward()
        if settings["max_norm"]:
            torch.nn.utils.clip_grad_norm_(learnt, settings["max_norm"])
        optimizer.step()
        curve.append([float(boxes), float(classification)])
    return curve, weights.parameter_count()


def spread(curve, reference):
    """The largest relative difference of any loss at any step."""
    return max(abs(a - b) / abs(b) for step, other in zip(curve, reference) for a, b in zip(step, other))


def path_of(name):
    return os.path.join(FOLDER, name + ".json")


def write(name, settings):
    curve, count = train(settings)
    manifest = {"case": name, "reference": "tests/golden/efficientdet.py on torch " + torch.__version__}
    manifest.update((key, value) for key, value in settings.items() if key != "gain_prefix")
    manifest["fill"] = {"prefix": "", "gain": 1.0, "gain_prefix": settings["gain_prefix"]}
    manifest["param_count"] = count
    targets = [paint_targets("curve%d" % i, settings["size"]) for i in range(settings["images"])]
    manifest["pictures"] = [{"scene": "curve%d" % i, "boxes": boxes, "labels": labels}
                            for i, (boxes, labels) in enumerate(targets)]
    manifest["curve"] = [{"bbox_regression": boxes, "classification": classes} for boxes, classes in curve]
    manifest["float64_spread"] = float("%.2g" % spread(curve, train(settings, torch.float64)[0]))
    streams.write_manifest(path_of(name), manifest)
    print(name, curve[0], "to", curve[-1], "float64 differs by", manifest["float64_spread"], flush=True)


def check(name, settings):
    with open(path_of(name)) as file:
        committed = [list(step.values()) for step in json.load(file)["curve"]]
    print(name, "again %.2g, float64 %.2g" % (spread(train(settings)[0], committed),
                                              spread(train(settings, torch.float64)[0], committed)), flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    for curve_name, curve_settings in CURVES.items():
        (check if "--check" in sys.argv else write)(curve_name, curve_settings)
