#!/usr/bin/python3
"""Writes tests/data/detect/*.npy: inputs and torchvision's results for the tests of fovea/detect (torchvision 0.14.1).

Coordinates of the NMS boxes are multiples of 4 and their scores of 1/16, so that IoU meets the thresholds exactly and
scores tie. Run without arguments; the files are replaced.
"""
import pathlib

import numpy as np
import torch
from torchvision.models.detection._utils import BoxCoder
from torchvision.models.detection.anchor_utils import DefaultBoxGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.ssd import SSD
from torchvision.ops import boxes as ops

OUT = pathlib.Path(__file__).resolve().parent / "detect"


def save(name, array):
    array = np.asarray(array)
    np.save(OUT / (name + ".npy"), array.astype(np.int32) if array.dtype.kind == "i" else array)


def default_boxes(generator, grids, image):
    maps = [torch.zeros(1, 1, h, w) for h, w in grids]
    return generator(ImageList(torch.zeros(1, 3, *image), [image]), maps)[0]


def anchors():
    custom = DefaultBoxGenerator([[2, 3]] * 6, scales=[0.07, 0.14, 0.22, 0.32, 0.45, 0.65, 0.9])
    grids = [(4, 5), (3, 3), (2, 2), (1, 2), (1, 1), (1, 1)]
    save("anchors_custom", default_boxes(custom, grids, (193, 225)))
    stepped = DefaultBoxGenerator([[2], [2, 3]], min_ratio=0.2, max_ratio=0.95, steps=[16, 50])
    save("anchors_stepped", default_boxes(stepped, [(3, 4), (1, 2)], (50, 70)))
    linear = DefaultBoxGenerator([[2, 3]] * 6, min_ratio=0.2, max_ratio=0.95)
    save("shapes_linear", torch.cat(linear._wh_pairs))
    return default_boxes(custom, grids, (193, 225))


def boxes_with_ties(rng, n):
    corner = rng.integers(0, 24, (n, 2)) * 4
    side = rng.integers(1, 12, (n, 2)) * 4
    return torch.tensor(np.concatenate([corner, corner + side], 1), dtype=torch.float32)


def stable(keep, scores):
    """The kept boxes with equal scores by number; torchvision sorts by class without saying how ties come out."""
    keep = keep.sort()[0]
    return keep[scores[keep].sort(stable=True, descending=True)[1]]


def suppression(rng):
    for name, n in (("few", 90), ("many", 1010)):
        b = boxes_with_ties(rng, n)
        s = torch.tensor(rng.integers(1, 17, n) / 16, dtype=torch.float32)
        label = torch.tensor(rng.integers(0, 4 if n < 1000 else 40, n))
        for suffix, value in (("boxes", b.to(torch.int16)), ("scores", s), ("labels", label)):
            save(f"nms_{name}_{suffix}", value)
        save(f"nms_{name}_050", ops.nms(b, s, 0.5))
        save(f"nms_{name}_batched_050", stable(ops.batched_nms(b, s, label, 0.5), s))
        save(f"nms_{name}_per_class_050", stable(ops._batched_nms_vanilla(b, s, label, 0.5), s))
        save(f"nms_{name}_shifted_050", ops._batched_nms_coordinate_trick(b, s, label, 0.5))
    b = torch.tensor(rng.uniform(0, 60, (16, 2)).astype(np.float32))
    b = torch.cat([b, b + torch.tensor(rng.uniform(1, 40, (16, 2)).astype(np.float32))], 1)
    save("iou_boxes", b)
    save("iou", ops.box_iou(b, b))
    save("giou", ops.generalized_box_iou(b, b))


def soft_nms(boxes, scores, gaussian):
    """Soft-NMS as effdet computes it: sigma 0.5, linear above IoU 0.3, dropped at 0.001 and below."""
    left, index, score = torch.arange(len(boxes)), [], []
    while len(left):
        best = scores.argmax()
        index.append(int(left[best]))
        score.append(float(scores[best]))
        iou = ops.box_iou(boxes[best : best + 1], boxes)[0]
        decay = torch.exp(-(iou**2) / 0.5) if gaussian else torch.where(iou > 0.3, 1 - iou, torch.ones_like(iou))
        scores = scores * decay
        keep = scores > 0.001
        keep[best] = False
        boxes, scores, left = boxes[keep], scores[keep], left[keep]
    return np.array(index), np.array(score, np.float32)


def soft_suppression(rng):
    corner = torch.tensor(rng.uniform(0, 40, (60, 2)).astype(np.float32))
    b = torch.cat([corner, corner + torch.tensor(rng.uniform(5, 30, (60, 2)).astype(np.float32))], 1)
    s = torch.tensor(rng.uniform(0, 1, 60).astype(np.float32))
    save("soft_boxes", b)
    save("soft_scores", s)
    for name, gaussian in (("gaussian", True), ("linear", False)):
        index, score = soft_nms(b, s, gaussian)
        save(f"soft_{name}_index", index)
        save(f"soft_{name}_score", score)


def coder(rng, anchor):
    pick = anchor[torch.tensor(rng.integers(0, len(anchor), 24))]
    delta = torch.tensor((rng.standard_normal((24, 4)) * [6, 6, 8, 8]).astype(np.float32))
    target = pick + torch.tensor(rng.uniform(-3, 3, (24, 4)).astype(np.float32))
    target[:, 2:] = torch.maximum(target[:, 2:], target[:, :2] + 1)
    save("coder_anchors", pick)
    save("coder_offsets", delta)
    save("coder_targets", target)
    for name, weights in (("ssd", (10.0, 10.0, 5.0, 5.0)), ("rpn", (1.0, 1.0, 1.0, 1.0))):
        save(f"coder_{name}_decoded", BoxCoder(weights).decode_single(delta, pick))
        save(f"coder_{name}_encoded", BoxCoder(weights).encode_single(target, pick))


def decoder(rng, anchor):
    logits = (rng.standard_normal((1, len(anchor), 7)) * 2 + [3, 0, 0, 0, 0, 0, 0]).astype(np.float32)
    offsets = rng.standard_normal((1, len(anchor), 4)).astype(np.float32)
    save("decoder_logits", logits[0])
    save("decoder_offsets", offsets[0])
    heads = {"cls_logits": torch.tensor(logits), "bbox_regression": torch.tensor(offsets)}
    for name, score, nms, topk, best in (("wide", 0.001, 0.55, 300, 300), ("narrow", 0.2, 0.45, 12, 20)):
        ssd = SSD.__new__(SSD)
        torch.nn.Module.__init__(ssd)
        ssd.box_coder = BoxCoder((10.0, 10.0, 5.0, 5.0))
        ssd.score_thresh, ssd.nms_thresh, ssd.topk_candidates, ssd.detections_per_img = score, nms, topk, best
        result = ssd.postprocess_detections(heads, [anchor], [(193, 225)])[0]
        for key, value in result.items():
            save(f"decoder_{name}_{key}", value)


def main():
    OUT.mkdir(exist_ok=True)
    rng = np.random.default_rng(20)
    anchor = anchors()
    suppression(rng)
    soft_suppression(rng)
    coder(rng, anchor)
    decoder(rng, anchor)


if __name__ == "__main__":
    main()
