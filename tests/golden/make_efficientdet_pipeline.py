#!/usr/bin/env python3
"""Writes tests/data/models/efficientdet_effdet_scene.json: a photo through effdet 0.4.1 (pip), from its transforms to the boxes
of its DetBenchPredict, for a small network with deterministic weights."""
import os

import numpy as np
import torch
from effdet import DetBenchPredict, EfficientDet, get_efficientdet_config
from effdet.data.transforms import transforms_coco_eval
from PIL import Image

import streams

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "models", "efficientdet_effdet_scene.json")
SCENE = ("street", 97, 150)
SIZE = 128
GAINS = [["backbone", 1.02], ["fpn.", 0.9], ["class_net.", 0.75], ["box_net.", 0.8]]


def numbers(values):
    return [streams.number(v) for v in np.asarray(values, np.float64).reshape(-1)]


def fill(model):
    entries = model.state_dict()
    with torch.no_grad():
        for name, value in entries.items():
            weight = entries.get(name[:-len("bias")] + "weight") if name.endswith("bias") else None
            norm = weight is not None and weight.dim() == 1
            gain = max(((len(p), g) for p, g in GAINS if name.startswith(p)), default=(0, 1.0))[1]
            value.copy_(torch.from_numpy(streams.fill_value(name, tuple(value.shape), norm, gain)))
    return model.eval()


if __name__ == "__main__":
    config = get_efficientdet_config("tf_efficientdet_d0")
    config.image_size, config.num_classes = (SIZE, SIZE), 5
    config.fpn_channels, config.fpn_cell_repeats, config.box_class_repeats = 24, 1, 1
    model = fill(EfficientDet(config, pretrained_backbone=False))
    image = streams.scene(*SCENE)
    pixels, target = transforms_coco_eval(SIZE, use_prefetcher=True)(Image.fromarray(image), {})
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])  # loader.py, PrefetchLoader
    x = (torch.from_numpy(pixels).float() - 255 * mean[:, None, None]) / (255 * std[:, None, None])
    info = {"img_scale": torch.tensor([target["img_scale"]], dtype=torch.float32),
            "img_size": torch.tensor([[SCENE[2], SCENE[1]]], dtype=torch.float32)}
    with torch.no_grad():
        found = DetBenchPredict(model)(x[None], info)[0]
    found = found[found[:, 4] > 0].numpy()
    manifest = {"case": "efficientdet_effdet_scene", "reference": "effdet 0.4.1 on torch " + torch.__version__,
                "model": "tf_efficientdet_d0", "args": {"channels": 24, "cells": 1, "head_layers": 1, "classes": 5},
                "fill": {"prefix": "", "gain": 1.0, "gain_prefix": GAINS},
                "input": [{"image": "scene:%s:%dx%d" % SCENE, "shape": list(image.shape),
                           "rgb_fnv1a64": "0x%016x" % streams.fnv1a64_bytes(image.tobytes())}],
                "outputs": [streams.record("transformed", x[None]),
                            {"name": "det", "kind": "detections", "count": len(found), "boxes": numbers(found[:, :4]),
                             "scores": numbers(found[:, 4]), "labels": [int(v) for v in found[:, 5]]}]}
    streams.write_manifest(PATH, manifest)
    print(len(found), "boxes, scores", found[:, 4].min(), found[:, 4].max(), "labels", sorted(set(found[:, 5])))
