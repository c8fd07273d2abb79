#!/usr/bin/env python3
"""Writes tests/data/models/efficientdet_*.json: small EfficientDets in every variant that a table can name.

Run with Debian's python3-torch; `make_efficientdet_goldens.py CASE...` writes only those. As make_goldens.py; the network is
efficientdet.py, since no port of EfficientDet is in Debian. What it computes was compared with effdet 0.4.1 where that has
the variant: the largest difference was 1e-6 of the largest number.
"""
import os
import sys

import torch

import streams
from efficientdet import EfficientDet, Weights

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "models")
TINY = {"width": 0.35, "depth": 0.5, "channels": 24, "cells": 2, "head_layers": 2, "classes": 5}

# case: (settings, input shape)
CASES = {
    "efficientdet_d0_128": ({"width": 1.0, "depth": 1.0, "channels": 64, "cells": 3, "head_layers": 3, "classes": 90},
                            [1, 3, 128, 128]),
    "efficientdet_tiny": (TINY, [2, 3, 128, 256]),
    "efficientdet_tiny_effdet": ({**TINY, "border": "excluded", "names": "effdet"}, [2, 3, 128, 256]),
    "efficientdet_tiny_native": ({**TINY, "border": "excluded", "names": "effdet", "same": False, "bias": False},
                                 [1, 3, 128, 128]),
    "efficientdet_tiny_levels": ({**TINY, "levels": (3, 8), "fusion": "none", "border": "excluded", "names": "effdet"},
                                 [1, 3, 256, 256]),
    "efficientdet_tiny_fine": ({**TINY, "levels": (2, 6)}, [1, 3, 128, 64]),
    "efficientdet_tiny_softmax": ({**TINY, "fusion": "softmax", "head_layers": 0}, [1, 3, 128, 128]),
    "efficientdet_tiny_fpn": ({**TINY, "cell": "fpn"}, [1, 3, 128, 128]),
    "efficientdet_tiny_panet": ({**TINY, "cell": "panet", "border": "excluded", "names": "effdet"}, [1, 3, 128, 128]),
}
GAINS = [["backbone", 1.02], ["bifpn.", 0.9], ["fpn.", 0.9], ["class", 0.85], ["regressor.", 0.8], ["box_net.", 0.8]]
SUM_GAINS = [["backbone", 1.02], ["fpn.", 0.5], ["class", 0.85], ["box_net.", 0.8]]  # maps without weights add up


def write(case):
    settings, shape = CASES[case]
    gains = SUM_GAINS if settings.get("fusion") == "none" else GAINS
    model, weights = EfficientDet(**settings), Weights(gains)
    x = torch.from_numpy(streams.fill_input(shape))
    with torch.no_grad():
        single = model(weights, x)
        macs, weights.dtype = weights.macs, torch.float64
        double = model(weights, x.double())
    manifest = {"case": case, "reference": "tests/golden/efficientdet.py on torch " + torch.__version__,
                "model": "efficientdet", "args": settings,
                "fill": {"prefix": "", "gain": 1.0, "gain_prefix": gains},
                "input": [{"name": "input", "shape": shape, "stream": "input", "rule": "sym2"}],
                "param_count": weights.parameter_count(), "macs_per_image": macs,
                "state_dict_fnv1a64": weights.entries_hash(),
                "outputs": [streams.record(name, single[name], double[name]) for name in single]}
    streams.write_manifest(os.path.join(FOLDER, case + ".json"), manifest)
    print(case, manifest["param_count"], macs, {o["name"]: (round(o["std"], 3), o["f64_max_abs_err"])
                                                for o in manifest["outputs"]})


if __name__ == "__main__":
    for key in sys.argv[1:] or CASES:
        write(key)
