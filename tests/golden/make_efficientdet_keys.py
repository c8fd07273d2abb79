#!/usr/bin/env python3
"""Writes tests/data/models/efficientdet_keys.txt: how many entries the state dicts of EfficientDet have in both ports, and the
hash of their names and shapes, sorted by name.

Needs effdet 0.4.1 (pip) for its names, and for zylo117's the manifests of the shared goldens, which list them.
"""
import json
import os

from effdet import EfficientDet, get_efficientdet_config

import streams

HERE = os.path.dirname(os.path.abspath(__file__))
SHARED = os.path.join(HERE, "..", "..", "..", "shared", "reference", "goldens", "models")


def line(name, entries):
    text = "".join("%s:%s\n" % (key, ",".join(map(str, shape))) for key, shape in sorted(entries.items()))
    return "%s %d 0x%016x\n" % (name, len(entries), streams.fnv1a64(text))


def of_effdet(name):
    model = EfficientDet(get_efficientdet_config(name), pretrained_backbone=False)
    return {key: tuple(value.shape) for key, value in model.state_dict().items()}


def of_zylo117(name):
    with open(os.path.join(SHARED, name, "manifest.json")) as file:
        return dict(json.load(file)["state_dict"])


if __name__ == "__main__":
    with open(os.path.join(HERE, "..", "data", "models", "efficientdet_keys.txt"), "w") as file:
        for row in ["d0", "d2", "d4", "d5", "d6", "d7", "d8"]:
            file.write(line("efficientdet_" + row, of_zylo117("efficientdet_" + row)))
        for row in ["d0", "d1", "d2", "d3", "d4", "d5", "d6", "d7", "d7x"]:
            file.write(line("tf_efficientdet_" + row, of_effdet("tf_efficientdet_" + row)))
        file.write(line("efficientdet_d0_native", of_effdet("efficientdet_d0")))
