#!/usr/bin/env python3
"""Writes tests/data/detect/efficientdet_*.npy and tests/data/train/loss/*_efficientdet*: what the two PyTorch ports of
EfficientDet and google/automl make of small inputs, for the tests of anchors, coder, decoders, matchers and losses.

Run with Debian's python3-torchvision. The ports' parts are written anew: zylo117's efficientdet/utils.py, loss.py and
utils/utils.py, effdet's anchors.py, bench.py, soft_nms.py, loss.py and object_detection/, automl's nms_np.py.
"""
import os

import numpy as np
import torch
import torch.nn.functional as F
from torchvision import ops

import make_loss
from make_loss import Case, leaf

DETECT = os.path.join(make_loss.HERE, "detect")
PAIRS = ((1, 1), (1.4, 0.7), (0.7, 1.4))
ROOTS = tuple((np.sqrt(r), 1 / np.sqrt(r)) for r in (1.0, 2.0, 0.5))


def save(name, values):
    values = np.asarray(values)
    np.save(os.path.join(DETECT, "efficientdet_" + name + ".npy"),
            values.astype(np.int32) if values.dtype.kind == "i" else values.astype(np.float32))


def anchors(height, width, ratios=PAIRS, anchor_scale=4.0, levels=(3, 4, 5)):
    """Rows y1 x1 y2 x2, float32: levels, rows, columns, scales, ratios."""
    rows = []
    for stride in (2.0**level for level in levels):
        for y in np.arange(stride / 2, height, stride):
            for x in np.arange(stride / 2, width, stride):
                for scale in (2 ** (k / 3) for k in range(3)):
                    for w, h in ratios:
                        half_w = anchor_scale * stride * scale * w / 2.0
                        half_h = anchor_scale * stride * scale * h / 2.0
                        rows.append([y - half_h, x - half_w, y + half_h, x + half_w])
    return torch.tensor(np.array(rows)).float()


def xyxy(boxes):
    return boxes[:, [1, 0, 3, 2]]


def decode(deltas, anchor):
    """x1 y1 x2 y2."""
    cy, cx = (anchor[:, 0] + anchor[:, 2]) / 2, (anchor[:, 1] + anchor[:, 3]) / 2
    ha, wa = anchor[:, 2] - anchor[:, 0], anchor[:, 3] - anchor[:, 1]
    cy, cx = deltas[:, 0] * ha + cy, deltas[:, 1] * wa + cx
    h, w = deltas[:, 2].exp() * ha, deltas[:, 3].exp() * wa
    return torch.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], 1)


def clip_near_sides(boxes, height, width):
    low = boxes[:, :2].clamp(min=0)
    return torch.cat([low, torch.minimum(boxes[:, 2:], torch.tensor([width - 1.0, height - 1.0]))], 1)


def zylo117_detections(logits, boxes, threshold, iou):
    score, label = logits.sigmoid().max(1)
    above = score > threshold
    score, label, boxes = score[above], label[above], boxes[above]
    keep = ops.batched_nms(boxes, score, label, iou)
    return boxes[keep], score[keep], label[keep] + 1


def soft_nms(boxes, scores, group, plus_one):
    """Gaussian, sigma 0.5, threshold 0.001. plus_one: automl's, else effdet's. group: who decays whom."""
    left, picked, rescored = torch.arange(len(boxes)), [], []
    scores = scores.clone()
    ends = boxes[:, 2:] + 1 if plus_one else boxes[:, 2:]
    area = (ends - boxes[:, :2]).prod(1)
    while len(left):
        best = left[scores[left].argmax()]
        picked.append(int(best))
        rescored.append(float(scores[best]))
        left = left[left != best]
        side = (torch.minimum(ends[best], ends[left]) - torch.maximum(boxes[best, :2], boxes[left, :2])).clamp(min=0)
        both = side.prod(1)
        iou = torch.where(both > 0, both / (area[best] + area[left] - both), torch.zeros(()))
        fellow = group[left] == group[best]
        scores[left] = torch.where(fellow, scores[left] * torch.exp(-(iou**2) / 0.5), scores[left])
        stays = scores[left] >= 0.001 if plus_one else scores[left] > 0.001
        left = left[stays | ~fellow]
    return torch.tensor(picked), torch.tensor(rescored)


def top_detections(logits, boxes, topk, nms, best):
    """effdet's with `nms` hard or soft, automl's with official."""
    value, place = logits.reshape(-1).topk(topk)
    boxes, label, score = boxes[place // logits.shape[1]], place % logits.shape[1], value.sigmoid()
    if nms == "hard":
        keep = ops.batched_nms(boxes, score, label, 0.5)
        score = score[keep]
    elif nms == "soft":
        moved = boxes + (label * (boxes.max() + 1))[:, None]
        keep, score = soft_nms(moved, score, torch.zeros_like(label), False)
    else:
        keep, score = soft_nms(boxes, score, label, True)
    return boxes[keep][:best], score[:best], label[keep][:best] + 1


def save_detections(name, boxes, scores, labels):
    for suffix, values in (("boxes", boxes), ("scores", scores), ("labels", labels)):
        save(name + "_" + suffix, values)


def detection():
    random = np.random.default_rng(6)
    anchor = anchors(32, 64)
    save("anchors_d0", anchor)
    save("anchors_d7", anchors(32, 32, anchor_scale=5.0))
    save("anchors_official", anchors(32, 32, ROOTS))
    logits = torch.tensor(random.standard_normal((len(anchor), 5)).astype(np.float32) * 2 - 2)
    deltas = torch.tensor(random.standard_normal((len(anchor), 4)).astype(np.float32) * 0.4)
    save("logits", logits)
    save("deltas", deltas)
    boxes = decode(deltas, anchor)
    save("decoded", boxes)
    near = clip_near_sides(boxes, 32, 64)
    save("clipped_near", near)
    inside = torch.minimum(boxes.clamp(min=0), torch.tensor([60.25, 29.5, 60.25, 29.5]))
    save_detections("zylo117_demo", *zylo117_detections(logits, near, 0.2, 0.2))
    save_detections("zylo117_eval", *zylo117_detections(logits, near, 0.05, 0.5))
    for name, placed, nms in (("effdet", boxes, "hard"), ("effdet_clipped", inside, "hard"),
                              ("effdet_soft", inside, "soft"), ("official", boxes, "official")):
        save_detections(name, *top_detections(logits, placed, 400, nms, 100))


def encode(gt, anchor, added=0.0, least=0.0):
    """Rows dy dx dh dw, of boxes x1 y1 x2 y2."""
    anchor, side = xyxy(anchor), (gt[:, 2:] - gt[:, :2])
    anchor_side = anchor[:, 2:] - anchor[:, :2]
    center, anchor_center = gt[:, :2] + 0.5 * side, anchor[:, :2] + 0.5 * anchor_side
    shift = (center - anchor_center) / (anchor_side + added)
    scale = torch.log((side.clamp(min=least) + added) / (anchor_side + added))
    return torch.cat([shift.flip(1), scale.flip(1)], 1)


def effdet_matches(iou):
    """[objects, anchors] -> object, or -1; every object's best anchor, wanted by several the first one's."""
    value, match = iou.max(0)
    match = torch.where(value >= 0.5, match, torch.tensor(-1))
    for k in reversed(range(len(iou))):
        match[iou[k].argmax()] = k
    return match


def matcher():
    case = Case("matcher_efficientdet")
    anchor = xyxy(anchors(32, 32, levels=(4, 5)))
    near = anchor[torch.tensor([4, 13, 22, 40])] + torch.tensor(case.random.uniform(-9, 9, (4, 4)).astype(np.float32))
    far = torch.tensor([[-40.0, -40, -30, -20], [60, 50, 70, 71]])
    gt = case.kept("gt", torch.cat([near, near[:1] + 1, far]))
    iou = ops.box_iou(gt, anchor)
    value, match = iou.max(0)
    case.output("iou_max", value)
    case.output("assigned", match)
    state = torch.where(value >= 0.5, 1, torch.where(value < 0.4, 0, -1))
    case.output("state", state)
    case.output("effdet", effdet_matches(iou))
    assert len({1, 0, -1} & set(state.tolist())) == 3
    case.write()


def zylo117_loss(logits, regression, anchor, annotations):
    """The mean over images of both losses; scores are sigmoids, clamped."""
    classification, boxes = [], []
    for x, deltas, rows in zip(logits, regression, annotations):
        p = x.sigmoid().clamp(1e-4, 1 - 1e-4)
        objects = rows[rows[:, 4] != -1]
        if len(objects) == 0:
            classification.append((-0.75 * p**2 * torch.log(1 - p)).sum())
            boxes.append(torch.zeros(()))
            continue
        value, match = ops.box_iou(xyxy(anchor), objects[:, :4]).max(1)
        positive, counts = value >= 0.5, (value >= 0.5) | (value < 0.4)
        target = torch.zeros_like(p)
        target[positive, objects[match[positive], 4].long()] = 1
        loss = torch.where(target == 1, -0.25 * (1 - p) ** 2 * torch.log(p), -0.75 * p**2 * torch.log(1 - p))
        classification.append(loss[counts].sum() / max(1, int(positive.sum())))
        if positive.any():
            wanted = encode(objects[match[positive], :4], anchor[positive], least=1.0)
            boxes.append(F.smooth_l1_loss(deltas[positive], wanted, beta=1 / 9))
        else:
            boxes.append(torch.zeros(()))
    return torch.stack(classification).mean(), 50 * torch.stack(boxes).mean()


def effdet_loss(logits, regression, anchor, annotations, smoothing):
    """Class loss and 50 times the box loss."""
    matches = []
    for rows in annotations:
        objects = rows[rows[:, 4] != -1]
        iou = ops.box_iou(objects[:, :4], xyxy(anchor))
        matches.append(effdet_matches(iou) if len(objects) else torch.full((len(anchor),), -1))
    positives = sum(int((m >= 0).sum()) for m in matches) + 1
    classification = boxes = 0
    for x, deltas, rows, match in zip(logits, regression, annotations, matches):
        target, positive = torch.zeros_like(x), match >= 0
        target[positive, rows[match[positive], 4].long()] = 1
        p = x.sigmoid()
        p_t = target * p + (1 - target) * (1 - p)
        entropy = F.binary_cross_entropy_with_logits(x, target * (1 - smoothing) + 0.5 * smoothing, reduction="none")
        weight = target * 0.25 + (1 - target) * 0.75
        classification = classification + (weight * (1 - p_t) ** 1.5 * entropy).sum() / positives
        wanted = encode(rows[match[positive], :4], anchor[positive], added=1e-7)
        huber = F.huber_loss(deltas[positive], wanted, reduction="none", delta=0.1)
        boxes = boxes + (huber * (wanted != 0)).sum() / (4 * positives)
    return classification, 50 * boxes


def losses():
    case = Case("loss_efficientdet")
    anchor = anchors(32, 32, levels=(4, 5))
    at = xyxy(anchor)[torch.tensor([3, 27, 41, 9, 9, 9, 6, 1])]
    boxes = at + torch.tensor(case.random.uniform(-6, 6, (8, 4)).astype(np.float32))
    boxes[2] = at[2]  # zero targets
    annotations = torch.full((4, 3, 5), -1.0)
    annotations[0, :3, :4], annotations[1, :1, :4], annotations[3, :2, :4] = boxes[:3], boxes[3:4], boxes[6:8]
    annotations[3, 0, 2:4] = annotations[3, 0, :2] + torch.tensor([0.5, 40.0])  # thin, learnt by force only
    annotations[0, :3, 4], annotations[1, :1, 4], annotations[3, :2, 4] = torch.tensor([0.0, 2, 1]), 1, torch.tensor([2.0, 0])
    annotations = case.kept("annotations", annotations)
    logits = leaf(case.kept("logits", (case.random.standard_normal((4, 45, 3)) * 5).astype(np.float32)))
    regression = leaf(case.kept("regression", (case.random.standard_normal((4, 45, 4)) * 0.2).astype(np.float32)))
    for prefix, loss in (("", zylo117_loss(logits, regression, anchor, annotations)),
                         ("empty_", zylo117_loss(logits, regression, anchor, torch.full((4, 3, 5), -1.0))),
                         ("effdet_", effdet_loss(logits, regression, anchor, annotations, 0.0)),
                         ("smoothed_", effdet_loss(logits, regression, anchor, annotations, 0.1))):
        case.output(prefix + "classification", loss[0])
        case.output(prefix + "regression", loss[1])
        if not prefix.startswith("empty"):
            case.gradients(loss[0] + loss[1], **{prefix + "grad_logits": logits, prefix + "grad_regression": regression})
    case.write()


if __name__ == "__main__":
    detection()
    matcher()
    losses()
