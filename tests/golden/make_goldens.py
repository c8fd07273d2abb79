#!/usr/bin/env python3
"""Writes tests/data/models/*.json: what torchvision 0.14 computes for whole models with deterministic weights.

Run with Debian's python3-torchvision; `make_goldens.py CASE...` writes only those. Weights and inputs are drawn from names
(streams.py), so a manifest of a few KB is a complete golden: samples and statistics of every output, and the distance of
the float32 run from a float64 run as the noise of the reference. The gains keep activations near unit size through the
depth of each network.
"""
import copy
import os
import sys

import numpy as np
import torch
import torchvision
from torchvision.models import efficientnet
from torchvision.models.detection import ssdlite
from torchvision.models.detection.image_list import ImageList

import lite
import streams

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "models")

# case: (model, arguments, gain, input shape)
CLASSIFIERS = {
    "mobilenet_v2_96": ("mobilenet_v2", {}, 1.08, [1, 3, 96, 96]),
    "mobilenet_v2_w035_odd": ("mobilenet_v2", {"width_mult": 0.35, "num_classes": 10}, 1.06, [2, 3, 75, 101]),
    "mobilenet_v3_large_96": ("mobilenet_v3_large", {}, 0.92, [1, 3, 96, 96]),
    "mobilenet_v3_large_odd": ("mobilenet_v3_large", {}, 0.92, [2, 3, 97, 111]),
    "mobilenet_v3_large_w075": ("mobilenet_v3_large", {"width_mult": 0.75, "num_classes": 7}, 0.9, [1, 3, 96, 128]),
    "mobilenet_v3_large_tail_dilated":
        ("mobilenet_v3_large", {"reduced_tail": True, "dilated": True}, 0.93, [1, 3, 80, 112]),
    "mobilenet_v3_small_96": ("mobilenet_v3_small", {}, 0.99, [1, 3, 96, 96]),
    "mobilenet_v3_small_w125": ("mobilenet_v3_small", {"width_mult": 1.25, "num_classes": 12}, 0.98, [2, 3, 97, 111]),
    "mobilenet_v3_small_tail_dilated":
        ("mobilenet_v3_small", {"reduced_tail": True, "dilated": True}, 0.99, [1, 3, 64, 80]),
    "efficientnet_b0_96": ("efficientnet_b0", {}, 1.02, [1, 3, 96, 96]),
    "efficientnet_b1_odd": ("efficientnet_b1", {"num_classes": 10}, 0.995, [2, 3, 97, 111]),
    "efficientnet_b3_64": ("efficientnet_b3", {"num_classes": 10}, 0.985, [1, 3, 64, 64]),
    "efficientnet_w035_d050_odd": ("efficientnet_b0", {"width": 0.35, "depth": 0.5, "num_classes": 10}, 1.1,
                                   [2, 3, 75, 101]),
    "efficientnet_lite0_96": ("efficientnet_lite", {"width": 1.0, "depth": 1.0}, 1.05, [1, 3, 96, 96]),
    "efficientnet_lite1_odd": ("efficientnet_lite", {"width": 1.0, "depth": 1.1, "num_classes": 10}, 1.05,
                               [2, 3, 97, 111]),
    "efficientnet_lite2_odd": ("efficientnet_lite", {"width": 1.1, "depth": 1.2, "num_classes": 10}, 1.05,
                               [1, 3, 75, 102]),
}
# case: (classes, reduced tail)
DETECTORS = {
    "ssdlite320_c91": (91, True),
    "ssdlite320_c21_full_tail": (21, False),
}
DETECTOR_GAIN = 0.85
PIPELINE = {
    "case": "ssdlite320_scene",
    "scene": ("street", 240, 320),
    "gain_prefix": [["head.classification_head.", 1.63], ["head.regression_head.", 1.24]],
    # no score lies within 0.004 of the threshold, and the same boxes survive any NMS threshold from 0.545 to 0.555
    "settings": {"score_thresh": 0.555, "nms_thresh": 0.55, "topk_candidates": 300, "detections_per_img": 300},
}


def fill(model, gain, gain_prefix=()):
    """Fills the parameters and buffers of a model in place."""
    entries = model.state_dict()

    def gain_of(name):
        fitting = [(len(prefix), value) for prefix, value in gain_prefix if name.startswith(prefix)]
        return max(fitting)[1] if fitting else gain

    with torch.no_grad():
        for name, value in entries.items():
            weight = entries.get(name[:-len("bias")] + "weight") if name.endswith("bias") else None
            norm = weight is not None and weight.dim() == 1
            value.copy_(torch.from_numpy(streams.fill_value(name, tuple(value.shape), norm, gain_of(name))))
    return model.eval()


def state_dict_hash(model):
    lines = ("%s:%s\n" % (name, ",".join(map(str, value.shape))) for name, value in model.state_dict().items())
    return "0x%016x" % streams.fnv1a64("".join(lines))


def macs_per_image(model, run):
    """Multiplications of convolutions and linear layers while run() passes one image."""
    total = []
    layers = [m for m in model.modules() if isinstance(m, (torch.nn.Conv2d, torch.nn.Linear))]
    hooks = [m.register_forward_hook(lambda m, _, out: total.append(out.numel() * m.weight[0].numel()))
             for m in layers]
    run()
    for hook in hooks:
        hook.remove()
    return sum(total)


def write(case, model, x, run, description):
    """run(model, x) -> {output name: tensor}."""
    with torch.no_grad():
        single, double = run(model, x), run(copy.deepcopy(model).double(), x.double())
        macs = macs_per_image(model, lambda: run(model, x[:1]))
    manifest = {"case": case, "reference": "torchvision " + torchvision.__version__, **description,
                "input": [{"name": "input", "shape": list(x.shape), "stream": "input", "rule": "sym2"}],
                "param_count": sum(p.numel() for p in model.parameters()), "macs_per_image": macs,
                "state_dict_fnv1a64": state_dict_hash(model),
                "outputs": [streams.record(name, single[name], double[name]) for name in single]}
    streams.write_manifest(os.path.join(FOLDER, case + ".json"), manifest)
    print(case, {o["name"]: (round(o["std"], 3), o["f64_max_abs_err"]) for o in manifest["outputs"]})


def make_classifier(name, arguments):
    if name == "efficientnet_lite":
        return lite.EfficientNetLite(**arguments)
    if "depth" in arguments:  # torchvision's EfficientNet with coefficients of its own
        settings, last = efficientnet._efficientnet_conf(name, width_mult=arguments["width"],
                                                         depth_mult=arguments["depth"])
        return efficientnet.EfficientNet(settings, 0.2, num_classes=arguments["num_classes"], last_channel=last)
    return getattr(torchvision.models, name)(**arguments)


def write_classifier(case):
    name, arguments, gain, shape = CLASSIFIERS[case]
    model = fill(make_classifier(name, arguments), gain)
    description = {"model": name, "args": arguments, "fill": {"prefix": "", "gain": gain, "gain_prefix": []}}
    write(case, model, torch.from_numpy(streams.fill_input(shape)), lambda m, x: {"logits": m(x)}, description)


def make_detector(classes, reduced_tail, **settings):
    """ssdlite320 without downloads; torchvision ties the full tail to pretrained backbone weights."""
    backbone = torchvision.models.mobilenet_v3_large

    def untrained(**arguments):
        return backbone(**{**arguments, "weights": None, "reduced_tail": reduced_tail})

    original, ssdlite.mobilenet_v3_large = ssdlite.mobilenet_v3_large, untrained
    try:
        return ssdlite.ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=classes,
                                                     **settings)
    finally:
        ssdlite.mobilenet_v3_large = original


def detector_outputs(model, x):
    features = list(model.backbone(x).values())
    head = model.head(features)
    anchors = model.anchor_generator(ImageList(x, [tuple(x.shape[2:])] * len(x)), features)[0]
    outputs = {"feature.%d" % level: feature for level, feature in enumerate(features)}
    return {**outputs, "cls_logits": head["cls_logits"], "bbox_regression": head["bbox_regression"], "anchors": anchors}


def write_detector(case):
    classes, reduced_tail = DETECTORS[case]
    model = fill(make_detector(classes, reduced_tail), DETECTOR_GAIN)
    description = {"model": "ssdlite320_mobilenet_v3_large",
                   "args": {"num_classes": classes, "reduced_tail": reduced_tail},
                   "fill": {"prefix": "", "gain": DETECTOR_GAIN, "gain_prefix": []}}
    x = torch.from_numpy(streams.fill_input([1, 3, 320, 320]))
    write(case, model, x, detector_outputs, description)


def numbers(array):
    return [streams.number(v) for v in np.asarray(array, np.float64).reshape(-1)]


def write_pipeline():
    name, height, width = PIPELINE["scene"]
    image = streams.scene(name, height, width)
    model = fill(make_detector(91, True, **PIPELINE["settings"]), DETECTOR_GAIN, PIPELINE["gain_prefix"])
    x = torch.from_numpy(image).permute(2, 0, 1).float() / 255
    with torch.no_grad():
        transformed = model.transform([x])[0].tensors
        found = model([x])[0]
    detections = {"name": "det", "kind": "detections", "count": len(found["scores"]),
                  "boxes": numbers(found["boxes"]), "scores": numbers(found["scores"]),
                  "labels": found["labels"].tolist()}
    manifest = {"case": PIPELINE["case"], "reference": "torchvision " + torchvision.__version__,
                "model": "ssdlite320_mobilenet_v3_large", "args": {"num_classes": 91, "reduced_tail": True},
                "fill": {"prefix": "", "gain": DETECTOR_GAIN, "gain_prefix": PIPELINE["gain_prefix"]},
                "input": [{"image": "scene:%s:%dx%d" % PIPELINE["scene"], "shape": list(image.shape),
                           "rgb_fnv1a64": "0x%016x" % streams.fnv1a64_bytes(image.tobytes())}],
                "settings": PIPELINE["settings"],
                "outputs": [streams.record("transformed", transformed), detections]}
    streams.write_manifest(os.path.join(FOLDER, PIPELINE["case"] + ".json"), manifest)
    print(PIPELINE["case"], len(found["scores"]), "boxes, scores", found["scores"].min(), found["scores"].max())


if __name__ == "__main__":
    os.makedirs(FOLDER, exist_ok=True)
    wanted = sys.argv[1:]
    for group, make in ((CLASSIFIERS, write_classifier), (DETECTORS, write_detector)):
        for key in group:
            if not wanted or key in wanted:
                make(key)
    if not wanted or PIPELINE["case"] in wanted:
        write_pipeline()
