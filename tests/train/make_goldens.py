#!/usr/bin/env python3
"""Writes tests/data/train/grad_*.json: what torch computes for one backward pass of small parts and of a network.

Run with Debian's python3-torchvision; `make_goldens.py CASE...` writes only those. Parameters, inputs and upstream gradients
are drawn from names (tests/golden/streams.py). Outputs of a case: `loss`, the network's outputs, `grad_input.<input>`,
`grad.<parameter>`, and `after.<buffer>`, the running statistics after the one step. The loss is the sum over the outputs of
<output, upstream gradient>, or a cross-entropy.
"""
import copy
import functools
import os
import sys
from collections import OrderedDict

import torch
import torch.nn.functional as F
import torchvision
from torch import nn
from torchvision.models import efficientnet, mobilenetv3, resnet
from torchvision.models.detection import ssdlite

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "golden"))
import streams  # noqa: E402

FOLDER = os.path.join(HERE, "..", "data", "train")
SAMPLES, NETWORK_SAMPLES = 64, 16
NORM = functools.partial(nn.BatchNorm2d, eps=0.001, momentum=0.01)
DETECTOR_NORM = functools.partial(nn.BatchNorm2d, eps=0.001, momentum=0.03)


def inverted_residual(*settings):
    """settings: in, kernel, expanded, out, squeeze-excite, activation, stride, dilation, width"""
    return mobilenetv3.InvertedResidual(mobilenetv3.InvertedResidualConfig(*settings), NORM)


def mbconv(*settings):
    """settings: expansion, kernel, stride, in, out"""
    return efficientnet.MBConv(efficientnet.MBConvConfig(*settings, 1), 0.0, NORM)


class TwoLevelHead(nn.Module):
    """SSDLite's head on two maps: 3 classes, 6 and 4 anchors a cell."""

    def __init__(self):
        super().__init__()
        head = ssdlite.SSDLiteHead([12, 8], [6, 4], 3, DETECTOR_NORM)
        self.classification_head, self.regression_head = head.classification_head, head.regression_head

    def forward(self, *maps):
        return {"cls_logits": self.classification_head(list(maps)),
                "bbox_regression": self.regression_head(list(maps))}


def basic_block():
    """ResNet's block of stride 2: conv-bn-relu-conv-bn, plus a strided 1x1 conv-bn, relu."""
    shortcut = nn.Sequential(nn.Conv2d(8, 12, 1, stride=2, bias=False), nn.BatchNorm2d(12))
    return resnet.BasicBlock(8, 12, stride=2, downsample=shortcut)


def vgg_piece():
    """What SSD300's trunk is made of: 3x3 convs with bias, a 2x2 pool with ceil_mode, an overlapping pool, a dilated conv."""
    return nn.Sequential(OrderedDict([
        ("conv1", nn.Conv2d(3, 8, 3, padding=1)), ("relu1", nn.ReLU()), ("pool1", nn.MaxPool2d(2, 2, ceil_mode=True)),
        ("conv2", nn.Conv2d(8, 12, 3, padding=1)), ("relu2", nn.ReLU()), ("pool2", nn.MaxPool2d(3, 1, 1)),
        ("conv3", nn.Conv2d(12, 16, 3, padding=3, dilation=3)), ("relu3", nn.ReLU())]))


class NormAndPool(nn.Module):
    """Grouped conv, group norm, average pools with and without counted padding, global average, linear."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(6, 12, 3, padding=1, groups=3)
        self.norm = nn.GroupNorm(4, 12, eps=1e-5)
        self.inner = nn.AvgPool2d(3, 2, 1, count_include_pad=False)
        self.zeros = nn.AvgPool2d(2, 2, 1, count_include_pad=True)
        self.linear = nn.Linear(12, 5)

    def forward(self, x):
        x = self.zeros(self.inner(F.relu(self.norm(self.conv(x)))))
        return self.linear(x.mean((2, 3)))


class ResizeAndAdd(nn.Module):
    """A coarse map brought to the size of a fine one, nearest and bilinear, and added."""

    def __init__(self):
        super().__init__()
        self.fine = nn.Conv2d(4, 8, 3, padding=1)
        self.coarse = nn.Conv2d(8, 8, 3, stride=2, padding=1)
        self.smooth = nn.Conv2d(8, 8, 3, padding=1, groups=8)

    def forward(self, x):
        fine = F.hardswish(self.fine(x))
        coarse = F.silu(self.coarse(fine))
        nearest = fine + F.interpolate(coarse, size=fine.shape[2:], mode="nearest")
        bilinear = fine + F.interpolate(coarse, size=fine.shape[2:], mode="bilinear", align_corners=False)
        return self.smooth(nearest) + bilinear


def pad_same(x, kernel, stride, value=0.0):
    """TensorFlow's SAME padding for the size that x has; an odd pad goes below and right."""
    pads = []
    for n in (x.shape[3], x.shape[2]):
        total = max((-(-n // stride) - 1) * stride + kernel - n, 0)
        pads += [total // 2, total - total // 2]
    return F.pad(x, pads, value=value)


class FusedLevels(nn.Module):
    """A fine and a coarse map with SAME padding, fused as BiFPN does (fast, softmax, plain sum; 2 and 3 maps), and a
    separable conv that both levels share, with a batch norm each."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, bias=False)
        self.down = nn.Conv2d(8, 8, 5, stride=2, groups=8)
        self.p3_w1, self.p4_w2, self.p4_w1 = (nn.Parameter(torch.zeros(n)) for n in (2, 3, 2))
        self.depthwise = nn.Conv2d(8, 8, 3, groups=8, bias=False)
        self.pointwise = nn.Conv2d(8, 12, 1)
        self.bn = nn.ModuleList(NORM(12) for _ in range(2))

    def forward(self, x):
        fine = self.stem(pad_same(x, 3, 2))
        coarse = self.down(pad_same(fine, 5, 2))
        up = F.interpolate(coarse, size=fine.shape[2:], mode="nearest")
        w = F.relu(self.p3_w1)
        w = w / (w.sum() + 1e-4)
        fine = F.silu(w[0] * fine + w[1] * up)
        below = F.max_pool2d(pad_same(fine, 3, 2, float("-inf")), 3, 2)
        zero = F.max_pool2d(pad_same(fine, 3, 2), 3, 2)
        w = F.relu(self.p4_w2)
        w = w / (w.sum() + 1e-4)
        inner = F.silu(w[0] * coarse + w[1] * below + w[2] * zero)
        w = F.softmax(self.p4_w1, 0)
        coarse = (w[0] * coarse + w[1] * inner) + below + zero
        maps = [self.bn[i](self.pointwise(self.depthwise(F.pad(y, [1, 1, 1, 1])))) for i, y in enumerate((fine, coarse))]
        return {"fine": F.silu(maps[0]), "coarse": F.silu(maps[1])}


def small_network():
    return torchvision.models.mobilenet_v3_small(num_classes=10, dropout=0.0)


# case: (module, what it is in words, batch-norm in training mode, input shapes)
CASES = {
    "grad_mbv3_block_skip":
        (lambda: inverted_residual(8, 3, 24, 8, True, "HS", 1, 1, 1),
         "MobileNetV3 block: in 8, kernel 3, expanded 24, out 8, SE, hardswish, stride 1", True, [[3, 8, 7, 9]]),
    "grad_mbv3_block_stride":
        (lambda: inverted_residual(8, 5, 24, 16, True, "RE", 2, 1, 1),
         "MobileNetV3 block: in 8, kernel 5, expanded 24, out 16, SE, relu, stride 2", True, [[3, 8, 7, 10]]),
    "grad_mbv3_block_frozen":
        (lambda: inverted_residual(8, 3, 24, 8, True, "HS", 1, 1, 1),
         "the block of grad_mbv3_block_skip, batch-norm with its running statistics", False, [[3, 8, 7, 9]]),
    "grad_mbconv_skip":
        (lambda: mbconv(4, 3, 1, 8, 8), "EfficientNet's MBConv: expansion 4, kernel 3, stride 1, in 8, out 8", True,
         [[3, 8, 7, 9]]),
    "grad_mbconv_stride":
        (lambda: mbconv(1, 5, 2, 8, 16), "EfficientNet's MBConv: no expansion, kernel 5, stride 2, in 8, out 16", True,
         [[3, 8, 7, 10]]),
    "grad_ssdlite_two_levels":
        (TwoLevelHead, "SSDLiteHead: channels 12, 8; anchors 6, 4; 3 classes", True, [[2, 12, 5, 6], [2, 8, 3, 3]]),
    "grad_basic_block": (basic_block, "ResNet BasicBlock: in 8, out 12, stride 2", True, [[2, 8, 9, 7]]),
    "grad_vgg_piece": (vgg_piece, vgg_piece.__doc__, True, [[2, 3, 11, 13]]),
    "grad_norm_and_pool": (NormAndPool, NormAndPool.__doc__, True, [[2, 6, 9, 8]]),
    "grad_resize_and_add": (ResizeAndAdd, ResizeAndAdd.__doc__, True, [[2, 4, 9, 7]]),
    "grad_fused_levels": (FusedLevels, FusedLevels.__doc__, True, [[3, 3, 14, 17]]),
    "grad_mobilenet_v3_small_odd":
        (small_network, "mobilenet_v3_small: 10 classes, dropout 0", True, [[4, 3, 72, 56]]),
}
NETWORKS = {"grad_mobilenet_v3_small_odd": [0, 3, 9, 3]}  # labels: the loss is their mean cross-entropy


def fill(model):
    entries = model.state_dict()
    with torch.no_grad():
        for name, value in entries.items():
            weight = entries.get(name[:-len("bias")] + "weight") if name.endswith("bias") else None
            norm = weight is not None and weight.dim() == 1
            value.copy_(torch.from_numpy(streams.fill_value(name, tuple(value.shape), norm)))
    return model


def named_outputs(result):
    return result if isinstance(result, dict) else {"y": result}


def loss_of(outputs, labels):
    if labels:
        return F.cross_entropy(outputs["y"], torch.tensor(labels))
    return sum((y * torch.from_numpy(streams.fill_input(list(y.shape), "sym2", "upstream." + name)).to(y.dtype)).sum()
               for name, y in outputs.items())


def one_step(model, inputs, labels):
    """Everything a golden keeps of one forward and backward pass: {name: tensor}."""
    inputs = {name: x.clone().requires_grad_() for name, x in inputs.items()}
    outputs = named_outputs(model(*inputs.values()))
    loss = loss_of(outputs, labels)
    loss.backward()
    found = {"loss": loss.reshape(1), **outputs}
    found.update(("grad_input." + name, x.grad) for name, x in inputs.items())
    found.update(("grad." + name, p.grad) for name, p in model.named_parameters())
    if model.training:
        found.update(("after." + name, b) for name, b in model.named_buffers() if name.endswith(("_mean", "_var")))
    return {name: value.detach() for name, value in found.items()}


def record(name, single, double, samples):
    """As streams.record, with all values of a small tensor in place of samples."""
    entry = streams.record(name, single, double, samples)
    if single.numel() <= samples:
        entry["npy"] = [streams.number(v) for v in single.double().reshape(-1)]
        del entry["samples"]
    return entry


def write(case):
    build, words, training, shapes = CASES[case]
    labels = NETWORKS.get(case)
    names = ["input"] if len(shapes) == 1 else ["input%d" % i for i in range(len(shapes))]
    model = fill(build()).train(training)
    inputs = {name: torch.from_numpy(streams.fill_input(shape, "sym2", name)) for name, shape in zip(names, shapes)}
    double = one_step(copy.deepcopy(model).double(), {name: x.double() for name, x in inputs.items()}, labels)
    single = one_step(model, inputs, labels)
    drawn = dict(inputs)
    if not labels:
        is_output = lambda name: name != "loss" and not name.startswith(("grad", "after."))
        drawn.update(("upstream." + name, value) for name, value in single.items() if is_output(name))
    manifest = {"case": case, "reference": "torchvision %s, torch %s" % (torchvision.__version__, torch.__version__),
                "args": {"module": words, "batch_norm": "training" if training else "evaluation",
                         "loss": "mean cross-entropy" if labels else "sum of <output, upstream.output>"},
                "fill": {"prefix": "", "gain": 1.0, "gain_prefix": []},
                "input": [{"name": name, "shape": list(value.shape), "stream": name, "rule": "sym2"}
                          for name, value in drawn.items()]}
    if labels:
        manifest["labels"] = labels
    manifest["param_count"] = sum(p.numel() for p in model.parameters())
    manifest["state_dict"] = [[name, list(value.shape)] for name, value in model.state_dict().items()]
    samples = NETWORK_SAMPLES if labels else SAMPLES
    manifest["outputs"] = [record(name, single[name], double[name], samples) for name in single]
    streams.write_manifest(os.path.join(FOLDER, case + ".json"), manifest)
    worst = max((o["f64_max_abs_err"] / max(abs(o["min"]), abs(o["max"])), o["name"]) for o in manifest["outputs"])
    print(case, "loss", float(single["loss"]), "noise at most %.2g of a tensor's largest value, in %s" % worst)


if __name__ == "__main__":
    os.makedirs(FOLDER, exist_ok=True)
    torch.set_num_threads(1)
    for key in sys.argv[1:] or CASES:
        write(key)
