#!/usr/bin/env python3
"""Writes tests/data/preprocess: what torchvision and Pillow (Debian's) make of generated pictures.

transforms.json   golden outputs of whole transforms, by samples and statistics, in NCHW
interpolate.json  torch.nn.functional.interpolate of a small plane, kept whole
sizes.txt         sizes and crops for many photo sizes
pillow.txt        hash of Pillow's resized bytes: width height to_width to_height bicubic fnv1a64
"""
import os
import random
import sys

import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from PIL import Image
from torchvision.models.detection.transform import GeneralizedRCNNTransform, resize_boxes
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as TF
from torchvision.transforms._presets import ImageClassification, SemanticSegmentation

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "golden"))
import streams  # noqa: E402

FOLDER = os.path.join(HERE, "preprocess")
IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
# height, width
PHOTOS = {"wide": (60, 97), "tall": (83, 40), "tiny": (5, 4), "long": (6, 150), "odd": (101, 99)}


def scene(name):
    return streams.scene(name, *PHOTOS[name])


def as_tensor(pixels):
    return torch.from_numpy(pixels).permute(2, 0, 1)


def letterboxed(pixels, size):
    """zylo117/EfficientDet utils.preprocess without OpenCV: normalise, fit, zeros right and below."""
    h, w = pixels.shape[:2]
    scale = size / max(h, w)
    new_h, new_w = (size, int(w * scale)) if h >= w else (int(h * scale), size)
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in IMAGENET)
    normal = (as_tensor(pixels).float() / 255 - mean) / std
    out = torch.zeros(1, 3, size, size)
    out[..., :max(1, new_h), :max(1, new_w)] = F.interpolate(normal[None], (max(1, new_h), max(1, new_w)), mode="bilinear")
    return out


def resized_and_padded(pixels, size):
    """effdet data/transforms.py ResizePad, normalised as its loader does."""
    h, w = pixels.shape[:2]
    scale = min(size / h, size / w)
    canvas = Image.new("RGB", (size, size), color=tuple(int(round(255 * m)) for m in IMAGENET[0]))
    canvas.paste(Image.fromarray(pixels).resize((int(w * scale) or 1, int(h * scale) or 1), Image.Resampling.BILINEAR))
    return TF.normalize(TF.to_tensor(canvas), *IMAGENET)[None]


def transforms():
    outputs = []

    def add(name, tensor):
        outputs.append(streams.record(name, tensor))

    stretch = GeneralizedRCNNTransform(0, 0, [0.5] * 3, [0.5] * 3, fixed_size=(48, 40), size_divisible=1)
    bounded = GeneralizedRCNNTransform(64, 100, *IMAGENET)
    for name in PHOTOS:
        pixels = scene(name)
        unit = as_tensor(pixels).float() / 255
        add("stretch_" + name, stretch([unit])[0].tensors)
        if min(pixels.shape[:2]) * 100 // max(pixels.shape[:2]) > 0:
            add("bounded_" + name, bounded([unit])[0].tensors)
        add("letterbox_" + name, letterboxed(pixels, 64))
        add("padded_fit_" + name, resized_and_padded(pixels, 64))
        for mode in (InterpolationMode.BILINEAR, InterpolationMode.BICUBIC):
            preset = ImageClassification(crop_size=32, resize_size=40, interpolation=mode)
            add("classify_%s_pillow_%s" % (mode.value, name), preset(Image.fromarray(pixels))[None])
            add("classify_%s_tensor_%s" % (mode.value, name), preset(as_tensor(pixels))[None])
        add("crop_beyond_" + name, ImageClassification(crop_size=45, resize_size=40)(Image.fromarray(pixels))[None])
        add("segment_pillow_" + name, SemanticSegmentation(resize_size=33)(Image.fromarray(pixels))[None])
        add("segment_tensor_" + name, SemanticSegmentation(resize_size=33)(as_tensor(pixels))[None])
    batch, _ = bounded([as_tensor(scene(n)).float() / 255 for n in ("wide", "tall")])
    add("bounded_batch", batch.tensors)
    streams.write_manifest(os.path.join(FOLDER, "transforms.json"), {
        "case": "transforms", "reference": "torchvision " + torchvision.__version__, "outputs": outputs})


def interpolate():
    x = torch.from_numpy(streams.fill_input([1, 1, 5, 7], name="plane"))
    cases = {"bilinear_8x3": {"size": (8, 3), "mode": "bilinear"},
             "corners_9x13": {"size": (9, 13), "mode": "bilinear", "align_corners": True},
             "corners_1x1": {"size": (1, 1), "mode": "bilinear", "align_corners": True},
             "nearest_8x3": {"size": (8, 3), "mode": "nearest"},
             "bicubic_8x3": {"size": (8, 3), "mode": "bicubic"},
             "scaled_1p7": {"scale_factor": 1.7, "mode": "bilinear"},
             "rescaled_1p7": {"scale_factor": 1.7, "mode": "bilinear", "recompute_scale_factor": True}}
    outputs = [streams.record(name, F.interpolate(x, **arguments)) for name, arguments in cases.items()]
    streams.write_manifest(os.path.join(FOLDER, "interpolate.json"), {
        "case": "interpolate", "reference": "torch " + torch.__version__,
        "input": [{"name": "plane", "shape": [1, 1, 5, 7], "stream": "plane", "rule": "sym2"}], "outputs": outputs})


def sizes():
    """rule photo_width photo_height parameters... results..."""
    draw = random.Random(5)
    lines = []
    for _ in range(60):
        w, h = draw.randint(1, 900), draw.randint(1, 900)
        short, crop = draw.randint(20, 400), draw.randint(20, 400)
        new_h, new_w = TF._compute_resized_output_size((h, w), [short])
        # A picture of coordinates shows where the crop begins; 0 is padding.
        axis = torch.arange(1, 1 + min(new_h, 4000)).view(1, -1, 1).expand(1, -1, 2).contiguous()
        cropped = TF.center_crop(axis, [crop, 2])[0, :, 0]
        first = int((cropped > 0).nonzero()[0])
        begin = int(cropped[first]) - 1 - first
        if new_h <= 4000:
            lines.append("shorter %d %d %d %d %d %d %d" % (w, h, short, crop, new_w, new_h, begin))
        low = draw.choice([64, 320, 800])
        high = draw.choice([640, 1333])
        if int(min(w, h) * min(low / min(w, h), high / max(w, h))) > 1:
            rcnn = GeneralizedRCNNTransform(low, high, [0.5] * 3, [0.5] * 3)
            batch, _ = rcnn([torch.zeros(3, h, w)])
            (content_h, content_w), (batch_h, batch_w) = batch.image_sizes[0], batch.tensors.shape[2:]
            box = resize_boxes(torch.tensor([[10.0, 20.0, 30.0, 50.0]]), (content_h, content_w), (h, w))[0]
            lines.append("bounded %d %d %d %d %d %d %d %d %.9g %.9g %.9g %.9g" % (
                w, h, low, high, content_w, content_h, batch_w, batch_h, *box.tolist()))
    for _ in range(30):
        w, h, size = draw.randint(1, 900), draw.randint(1, 900), draw.choice([512, 640, 896])
        scale = min(size / h, size / w)
        sides = int(w * scale) or 1, int(h * scale) or 1
        lines.append("one_scale %d %d %d %d %d %d %.9g" % (w, h, size, size, *sides, 1 / scale))
    with open(os.path.join(FOLDER, "sizes.txt"), "w") as out:
        out.write("\n".join(lines) + "\n")


def pillow():
    """Dozens of shapes, shrinking, growing and both at once."""
    draw = random.Random(6)
    shapes = [(4, 4, 1, 1), (4, 4, 300, 2), (300, 4, 3, 5), (5, 211, 7, 7), (97, 60, 97, 30), (97, 60, 40, 60),
              (64, 64, 32, 32), (64, 64, 128, 128), (640, 480, 320, 240), (33, 77, 33, 77)]
    shapes += [tuple(draw.randint(4, 200) for _ in range(4)) for _ in range(50)]
    with open(os.path.join(FOLDER, "pillow.txt"), "w") as out:
        for w, h, to_w, to_h in shapes:
            photo = Image.fromarray(streams.scene("pillow", h, w))
            for bicubic, mode in enumerate((Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)):
                resized = photo.resize((to_w, to_h), mode).tobytes()
                out.write("%d %d %d %d %d %016x\n" % (w, h, to_w, to_h, bicubic, streams.fnv1a64_bytes(resized)))


if __name__ == "__main__":
    os.makedirs(FOLDER, exist_ok=True)
    transforms()
    interpolate()
    sizes()
    pillow()
