#!/usr/bin/env python3
"""Writes tests/data/train/loss/: what torch 1.13 and torchvision 0.14 make of small inputs, for the tests of losses and
targets. Cases and outputs are named as in the reference goldens, with other numbers.

Run with Debian's python3-torchvision. Logits come from named streams (tests/golden/streams.py), boxes and labels are kept
as .npy files. GluonCV's parts are written anew in torch, because MXNet does not run here.
"""
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from torchvision import ops
from torchvision.models.detection import _utils as det
from torchvision.models.detection.ssd import SSD

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "golden"))
import streams  # noqa: E402

FOLDER = os.path.join(HERE, "train", "loss")
STDS = torch.tensor([0.1, 0.1, 0.2, 0.2])


class Case:
    """Collects inputs and outputs of one golden."""

    def __init__(self, name):
        self.name, self.inputs, self.outputs = name, [], []
        self.random = np.random.default_rng(streams.fnv1a64("loss:" + name))

    def drawn(self, name, shape, scale=1.0):
        """An input from a stream, in (-2, 2) as the manifest has it; returned times `scale`."""
        stream = "loss:" + self.name + ":" + name
        self.inputs.append({"name": name, "shape": list(shape), "stream": stream, "rule": "sym2"})
        return torch.from_numpy(streams.fill_input(shape, "sym2", stream)) * scale

    def kept(self, name, values):
        """An input as a file of its own."""
        file = self.name + "_" + name + ".npy"
        np.save(os.path.join(FOLDER, file), values.numpy() if torch.is_tensor(values) else values)
        self.inputs.append({"name": name, "shape": list(values.shape), "npy": file})
        return torch.as_tensor(values)

    def boxes(self, name, count, near=()):
        """Random boxes in an image of 100 x 100, every sixth one close to one of those in `near`."""
        corner = self.random.uniform(0, 94, (count, 2))
        side = self.random.uniform(6, 50, (count, 2))
        boxes = np.concatenate([corner, np.minimum(corner + side, 100)], 1)
        for i in range(0, count if len(near) else 0, 6):
            boxes[i] = near[i // 6 % len(near)].numpy() + self.random.uniform(-3, 3, 4)
        return self.kept(name, boxes.astype(np.float32))

    def labels(self, name, low, high, shape):
        return self.kept(name, self.random.integers(low, high, shape).astype(np.int32)).long()

    def output(self, name, values):
        values = torch.as_tensor(values).detach()
        values = values.reshape(1) if values.dim() == 0 else values
        entry = streams.record(name, values, samples=8)
        whole = values.dtype in (torch.int32, torch.int64)
        entry["npy"] = [int(v) if whole else streams.number(v) for v in values.numpy().reshape(-1)]
        self.outputs.append(entry)

    def gradients(self, loss, **leaves):
        for name, gradient in zip(leaves, torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)):
            self.output(name, gradient)

    def write(self):
        reference = "torch " + torch.__version__ + ", torchvision " + torchvision.__version__
        manifest = {"case": self.name, "reference": reference, "input": self.inputs, "outputs": self.outputs}
        streams.write_manifest(os.path.join(FOLDER, self.name + ".json"), manifest)


def leaf(values):
    return values.clone().requires_grad_()


def loss_box():
    case = Case("loss_box")
    pred, target = leaf(case.boxes("pred", 10)), case.boxes("target", 10)
    for name, loss in (("giou", ops.generalized_box_iou_loss), ("diou", ops.distance_box_iou_loss),
                       ("ciou", ops.complete_box_iou_loss)):
        case.output(name, loss(pred, target))
        case.output(name + "_mean", loss(pred, target, reduction="mean"))
        case.gradients(loss(pred, target, reduction="sum"), **{"grad_" + name: pred})
    x, y = leaf(case.drawn("x", (14,))), case.drawn("y", (14,))
    for name, loss in (("smooth_l1_111", lambda **k: F.smooth_l1_loss(x, y, beta=1 / 9, **k)),
                       ("smooth_l1_1000", lambda **k: F.smooth_l1_loss(x, y, beta=1.0, **k)),
                       ("smooth_l1_500", lambda **k: F.smooth_l1_loss(x, y, beta=0.5, **k)),
                       ("huber_01", lambda **k: F.huber_loss(x, y, delta=0.1, **k))):
        case.output(name, loss(reduction="none"))
        case.gradients(loss(reduction="sum"), **{"grad_" + name: x})
    case.write()


def loss_classification():
    case = Case("loss_classification")
    logits, labels = leaf(case.drawn("logits", (5, 7))), case.labels("labels", 0, 7, 5)
    for name, smoothing in (("00", 0.0), ("10", 0.1)):
        loss = F.cross_entropy(logits, labels, label_smoothing=smoothing)
        case.output("ce_ls" + name, loss)
        case.gradients(loss, **{"grad_ce_ls" + name: logits})
    seg, aux = leaf(case.drawn("seg_logits", (2, 3, 3, 4))), leaf(case.drawn("seg_aux", (2, 3, 3, 4)))
    seg_labels = case.random.integers(0, 3, (2, 3, 4)).astype(np.int32)
    seg_labels[case.random.uniform(size=seg_labels.shape) < 0.3] = 255
    target = case.kept("seg_labels", seg_labels).long()
    loss = F.cross_entropy(seg, target, ignore_index=255) + 0.5 * F.cross_entropy(aux, target, ignore_index=255)
    case.output("seg_loss", loss)
    case.gradients(loss, grad_seg=seg, grad_aux=aux)
    case.write()


def loss_focal():
    case = Case("loss_focal")
    logits = leaf(case.drawn("logits", (3, 9)))
    targets = case.kept("targets", (case.random.uniform(size=(3, 9)) < 0.2).astype(np.float32))
    for name, alpha, gamma in (("a25_g2", 0.25, 2.0), ("a25_g15", 0.25, 1.5), ("anone_g2", -1.0, 2.0)):
        for reduction in ("sum", "mean"):
            case.output(f"tv_{name}_{reduction}", ops.sigmoid_focal_loss(logits, targets, alpha, gamma, reduction))
    case.output("tv_none", ops.sigmoid_focal_loss(logits, targets))
    case.gradients(ops.sigmoid_focal_loss(logits, targets, reduction="sum"), grad_tv_sum=logits)
    for name, smoothing in (("00", 0.0), ("10", 0.1)):
        p = torch.sigmoid(logits)
        weight = targets * 0.25 + (1 - targets) * 0.75
        fading = (1 - (targets * p + (1 - targets) * (1 - p))) ** 1.5
        smoothed = targets * (1 - smoothing) + 0.5 * smoothing
        entropy = F.binary_cross_entropy_with_logits(logits, smoothed, reduction="none")
        loss = (weight * fading * entropy).sum() / 7
        case.output("official_ls" + name, loss)
        case.gradients(loss, **{"grad_official_ls" + name: logits})
    for reduction in ("sum", "mean", "none"):
        case.output("bce_" + reduction, F.binary_cross_entropy_with_logits(logits, targets, reduction=reduction))
    case.gradients(F.binary_cross_entropy_with_logits(logits, targets), grad_bce_mean=logits)
    case.write()


def compute_ssd_loss(anchors, logits, offsets, boxes, labels):
    ssd = SSD.__new__(SSD)
    torch.nn.Module.__init__(ssd)
    ssd.box_coder, ssd.neg_to_pos_ratio = det.BoxCoder((10.0, 10.0, 5.0, 5.0)), 3.0
    matcher = det.SSDMatcher(0.5)
    matched = [matcher(ops.box_iou(b, anchors)) if len(b) else torch.full((len(anchors),), -1) for b in boxes]
    targets = [{"boxes": b, "labels": l} for b, l in zip(boxes, labels)]
    heads = {"bbox_regression": offsets, "cls_logits": logits}
    return ssd.compute_loss(targets, heads, [anchors] * len(boxes), matched), matched


def loss_ssd_torchvision():
    """As the reference golden, with a third image that has no objects."""
    case = Case("loss_ssd_torchvision")
    logits, offsets = leaf(case.drawn("cls_logits", (3, 40, 5))), leaf(case.drawn("bbox_regression", (3, 40, 4)))
    boxes, labels = [], []
    for i, count in enumerate((3, 2, 0)):
        boxes.append(case.boxes(f"gt{i}", count))
        labels.append(case.labels(f"labels{i}", 1, 5, count))
    anchors = case.boxes("anchors", 40, torch.cat(boxes))
    losses, matched = compute_ssd_loss(anchors, logits, offsets, boxes, labels)
    for name, loss in losses.items():
        case.output(name, loss)
    for i, match in enumerate(matched):
        case.output(f"matched_{i}", match)
    case.gradients(losses["classification"], grad_cls_logits=logits)
    case.gradients(losses["bbox_regression"], grad_bbox_regression=offsets)
    case.write()


def multibox(cls_pred, box_pred, cls_target, box_target, sample_wise, min_hard):
    """gluoncv/loss.py, SSDMultiBoxLoss, with a least number of negatives."""
    pos = cls_target > 0
    if pos.sum() < 1 and min_hard < 1:
        zero = cls_pred.sum((1, 2)) * 0
        return zero, zero, zero
    divisor = (pos.sum(1) if sample_wise else pos.sum().expand(len(pos))).clamp(min=1)
    entropy = F.cross_entropy(cls_pred.permute(0, 2, 1), cls_target, reduction="none")
    rank = (entropy * (pos.float() - 1)).argsort(1).argsort(1)
    hard = rank < (3 * pos.sum(1)).clamp(min=min_hard)[:, None]
    cls = torch.where(pos | hard, entropy, torch.zeros_like(entropy)).sum(1) / divisor
    box = (F.smooth_l1_loss(box_pred, box_target, reduction="none") * pos[..., None]).sum((1, 2)) / divisor
    return cls + box, cls, box


def loss_ssd_gluoncv():
    case = Case("loss_ssd_gluoncv")
    cls_pred, box_pred = leaf(case.drawn("cls_pred", (3, 30, 4))), leaf(case.drawn("box_pred", (3, 30, 4)))
    box_target = case.drawn("box_target", (3, 30, 4))
    cls_target = case.random.integers(1, 4, (3, 30)).astype(np.int32)
    cls_target[case.random.uniform(size=(3, 30)) < np.array([[0.85], [0.8], [1.0]])] = 0
    cls_target = case.kept("cls_target", cls_target).long()
    for kind in ("batchwise", "samplewise"):
        for suffix, min_hard in (("", 0), ("_minhard5", 5)):
            losses = multibox(cls_pred, box_pred, cls_target, box_target, kind == "samplewise", min_hard)
            for name, loss in zip(("sum", "cls", "box"), losses):
                case.output(f"{name}_{kind}{suffix}", loss)
            if not min_hard:
                case.gradients(losses[0].sum(), **{"grad_cls_" + kind: cls_pred, "grad_box_" + kind: box_pred})
    case.write()


def composite(iou, threshold):
    """Bipartite pairs, then maximum matches; iou [objects, anchors]."""
    left, matches = iou.clone(), torch.full((iou.shape[1],), -1)
    for _ in range(len(iou)):
        best = int(left.t().reshape(-1).argmax())
        anchor, item = best // len(iou), best % len(iou)
        if left[item, anchor] <= 1e-12:
            break
        matches[anchor] = item
        left[item], left[:, anchor] = -1, -1
    value, index = iou.max(0)
    return torch.where(matches >= 0, matches, torch.where(value >= threshold, index, torch.tensor(-1)))


def matcher():
    case = Case("matcher")
    gt = case.boxes("gt", 5)
    anchors = case.boxes("anchors", 40, gt)
    iou = ops.box_iou(gt, anchors)
    case.output("iou", iou)
    case.output("rpn_07_03_lowq", det.Matcher(0.7, 0.3, True)(iou))
    case.output("box_05_05", det.Matcher(0.5, 0.5)(iou))
    case.output("between_06_04", det.Matcher(0.6, 0.4)(iou))
    case.output("ssd_05", det.SSDMatcher(0.5)(iou))
    case.output("ssd_03", det.SSDMatcher(0.3)(iou))
    case.output("gluoncv_05", composite(iou, 0.5))
    case.write()


def encode_normalised(gt, anchors):
    size, anchor_size = gt[:, 2:] - gt[:, :2], anchors[:, 2:] - anchors[:, :2]
    shift = (gt[:, :2] + size / 2) - (anchors[:, :2] + anchor_size / 2)
    return torch.cat([shift / anchor_size, torch.log(size / anchor_size)], 1) / STDS


def target_gluoncv():
    case = Case("target_gluoncv")
    gt = case.boxes("gt", 4)
    anchors = case.boxes("anchors", 50, gt)
    ids = case.labels("gt_ids", 0, 6, 4)
    logits = case.drawn("cls_preds", (50, 7))
    iou = ops.box_iou(gt, anchors)
    matches = composite(iou, 0.5)
    naive = torch.where(matches >= 0, 1.0, -1.0)
    score = -F.log_softmax(logits, 1)[:, 0]
    score[(matches >= 0) | (iou.max(0)[0] >= 0.5)] = -1
    ohem = (matches >= 0).float()
    ohem[score.argsort(descending=True)[: 3 * int((matches >= 0).sum())]] = -1
    for name, samples in (("ohem", ohem), ("naive", naive)):
        case.output("samples_" + name, samples)
        targets = torch.where(samples > 0.5, ids[matches.clamp(min=0)] + 1.0, torch.tensor(-1.0))
        case.output("cls_targets_" + name, torch.where(samples < -0.5, torch.tensor(0.0), targets))
    case.output("matches", matches)
    encoded = encode_normalised(gt[matches.clamp(min=0)], anchors)
    case.output("box_targets", torch.where((matches >= 0)[:, None], encoded, torch.tensor(0.0)))
    case.write()


def box_coder_gluoncv():
    case = Case("box_coder_gluoncv")
    anchors, gt = case.boxes("anchors", 12), case.boxes("gt", 3)
    matches, samples = case.labels("matches", 0, 3, 12), case.labels("samples", -1, 2, 12)
    pred = case.drawn("pred", (12, 4))
    positive = (samples > 0)[:, None]
    case.output("targets", torch.where(positive, encode_normalised(gt[matches], anchors), torch.tensor(0.0)))
    case.output("masks", positive.float().repeat(1, 4))
    size, scaled = anchors[:, 2:] - anchors[:, :2], pred * STDS
    center, half = scaled[:, :2] * size + anchors[:, :2] + size / 2, torch.exp(scaled[:, 2:]) * size / 2
    case.output("decoded", torch.cat([center - half, center + half], 1))
    case.write()


def anchors_gluoncv():
    """Three levels of other settings than the reference golden's, one of them not square."""
    case = Case("anchors_gluoncv")
    sizes, steps, grids = [20, 45, 80, 110], [16, 33, 50], [(3, 4), (2, 2), (1, 1)]
    ratios = [[1, 2, 0.5], [1, 2, 0.5, 3, 1 / 3], [1, 2]]
    anchors = []
    for k, (rows, columns) in enumerate(grids):
        for i in range(rows):
            for j in range(columns):
                center = [(j + 0.5) * steps[k], (i + 0.5) * steps[k]]
                anchors.append(center + [sizes[k], sizes[k]])
                anchors.append(center + [np.sqrt(sizes[k] * sizes[k + 1])] * 2)
                anchors += [center + [sizes[k] * np.sqrt(r), sizes[k] / np.sqrt(r)] for r in ratios[k][1:]]
    anchors = np.array(anchors)
    case.output("anchors", torch.tensor(anchors, dtype=torch.float32))
    limits = np.array([64, 48, 64, 48])
    case.output("anchors_clipped", torch.tensor(np.clip(anchors, 0, limits), dtype=torch.float32))
    case.write()


def main():
    os.makedirs(FOLDER, exist_ok=True)
    for case in (loss_box, loss_classification, loss_focal, loss_ssd_torchvision, loss_ssd_gluoncv, matcher,
                 target_gluoncv, box_coder_gluoncv, anchors_gluoncv):
        case()


if __name__ == "__main__":
    main()
