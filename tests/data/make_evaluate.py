#!/usr/bin/python3
"""Writes tests/data/evaluate/*.json: small detection problems with the figures of pycocotools 2.0.11 and VOC's rules.

Needs pycocotools (pip). The cases hold crowds, images without objects, tied scores, IoU on a threshold, more than 100
detections in an image, categories without objects and objects of all sizes. Run without arguments.
"""
import contextlib
import io
import json
import pathlib
import tempfile

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

OUT = pathlib.Path(__file__).resolve().parent / "evaluate"


def problem(seed, images=8, categories=4, crowds=0.15, detections=14, grid=4):
    """Boxes on a grid, so that IoU and scores tie; the last image and category have detections but no objects."""
    rng = np.random.default_rng(seed)
    gt, dt = [], []
    for image in range(1, images + 1):
        for category in range(1, categories + 1):
            here = []
            for _ in range(rng.integers(0, 4) if image < images and category < categories else 0):
                side = rng.choice([2, 6, 10, 30]) * grid
                x, y = (rng.integers(0, 60, 2) * grid).tolist()
                w, h = (side * rng.integers(1, 4, 2) // 2).tolist()
                here.append([x, y, w, h])
                gt.append(
                    {
                        "id": len(gt) + 1,
                        "image_id": image,
                        "category_id": category,
                        "bbox": [x, y, w, h],
                        "area": round(w * h * float(rng.uniform(0.4, 1.0)), 2),
                        "iscrowd": int(rng.uniform() < crowds),
                    }
                )
            for _ in range(rng.integers(0, detections + 1)):
                if here and rng.uniform() < 0.75:
                    b = np.array(here[rng.integers(len(here))]) + rng.integers(-2, 3, 4) * grid // 2
                    b = np.maximum(b, [0, 0, 1, 1]).tolist()
                else:
                    b = (rng.integers(1, 60, 4) * grid).tolist()
                dt.append({"image_id": image, "category_id": category, "bbox": b, "score": int(rng.integers(1, 40)) / 64})
    return {
        "images": [{"id": i, "file_name": f"{i}.jpg", "width": 320, "height": 320} for i in range(1, images + 1)],
        "categories": [{"id": c, "name": f"kind {c}"} for c in range(1, categories + 1)],
        "annotations": gt,
    }, dt


def coco_figures(gt, dt):
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        for name, data in (("gt", gt), ("dt", dt)):
            pathlib.Path(folder, name).write_text(json.dumps(data))
        truth = COCO(str(pathlib.Path(folder, "gt")))
        e = COCOeval(truth, truth.loadRes(str(pathlib.Path(folder, "dt"))), "bbox")
        e.evaluate()
        e.accumulate()
        e.summarize()
    return [float(v) for v in e.stats]


def voc_ap(gt, dt, category, eleven_points):
    """VOCdevkit's VOCevaldet with crowds as difficult objects, boxes x, y, w, h with inclusive corners x .. x + w."""
    objects = [a for a in gt["annotations"] if a["category_id"] == category]
    total = sum(not a["iscrowd"] for a in objects)
    if not total:
        return None
    found, tp, fp = set(), [], []
    ordered = sorted((d for d in dt if d["category_id"] == category), key=lambda d: (-d["score"], d["image_id"]))
    for d in ordered:
        best, match = -np.inf, None
        for a in objects:
            if a["image_id"] != d["image_id"]:
                continue
            (x, y, w, h), (u, v, s, t) = d["bbox"], a["bbox"]
            iw, ih = min(x + w, u + s) - max(x, u) + 1, min(y + h, v + t) - max(y, v) + 1
            if iw > 0 and ih > 0:
                o = iw * ih / ((w + 1) * (h + 1) + (s + 1) * (t + 1) - iw * ih)
                if o > best:
                    best, match = o, a
        hit = best >= 0.5
        if hit and match["iscrowd"]:
            continue
        new = hit and match["id"] not in found
        if new:
            found.add(match["id"])
        tp.append(new)
        fp.append(not new)
    tp, fp = np.cumsum(tp), np.cumsum(fp)
    recall, precision = tp / total, tp / np.maximum(tp + fp, 1)
    if eleven_points:
        return sum(max(precision[recall >= t / 10], default=0.0) / 11 for t in range(11))
    r, p = np.concatenate([[0], recall, [1]]), np.concatenate([[0], precision, [0]])
    p = np.maximum.accumulate(p[::-1])[::-1]
    step = np.nonzero(r[1:] != r[:-1])[0]
    return float(((r[step + 1] - r[step]) * p[step + 1]).sum())


def voc_map(gt, dt, eleven_points):
    aps = [voc_ap(gt, dt, c["id"], eleven_points) for c in gt["categories"]]
    aps = [float(a) for a in aps if a is not None]
    return sum(aps) / len(aps) if aps else -1.0


def main():
    OUT.mkdir(exist_ok=True)
    no_objects, some_detections = problem(5, images=2, categories=2)
    no_objects["annotations"] = []
    cases = {
        "mixed": problem(1),
        "crowded": problem(2, crowds=0.6),
        "many_detections": problem(3, images=2, categories=2, detections=220),
        "many_ties": problem(4, grid=16),
        "no_objects": (no_objects, some_detections),
    }
    for name, (gt, dt) in cases.items():
        text = {
            "ground_truth": gt,
            "detections": dt,
            "coco": coco_figures(gt, dt),
            "voc_eleven_points": voc_map(gt, dt, True),
            "voc_area": voc_map(gt, dt, False),
        }
        (OUT / f"{name}.json").write_text(json.dumps(text, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
