"""EfficientNet-Lite for make_goldens.py: MBConv without squeeze-excite, ReLU6, TensorFlow's SAME padding by the size of the
input, stem and head of fixed channels, first and last stage of fixed repeats. Keys are those of the PyPI port's weights."""
import math

import torch
from torch import nn
from torch.nn import functional

# expand, kernel, stride, in, out, repeats (Tan and Le 2019, table 1)
STAGES = [(1, 3, 1, 32, 16, 1), (6, 3, 2, 16, 24, 2), (6, 5, 2, 24, 40, 2), (6, 3, 2, 40, 80, 3), (6, 5, 1, 80, 112, 3),
          (6, 5, 2, 112, 192, 4), (6, 3, 1, 192, 320, 1)]


class SameConv2d(nn.Conv2d):
    def forward(self, x):
        pads = []
        for side, kernel, stride in zip(x.shape[:1:-1], self.kernel_size, self.stride):  # the last axis first
            total = max((math.ceil(side / stride) - 1) * stride + kernel - side, 0)
            pads += [total // 2, total - total // 2]
        return super().forward(functional.pad(x, pads))


def norm(channels):
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class Block(nn.Module):
    def __init__(self, channels, expand, kernel, stride, out):
        super().__init__()
        hidden = channels * expand
        if expand != 1:
            self._expand_conv = SameConv2d(channels, hidden, 1, bias=False)
            self._bn0 = norm(hidden)
        self._depthwise_conv = SameConv2d(hidden, hidden, kernel, stride, groups=hidden, bias=False)
        self._bn1 = norm(hidden)
        self._project_conv = SameConv2d(hidden, out, 1, bias=False)
        self._bn2 = norm(out)
        self.skips = stride == 1 and channels == out

    def forward(self, x):
        y = x
        if hasattr(self, "_expand_conv"):
            y = functional.relu6(self._bn0(self._expand_conv(y)))
        y = functional.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.skips else y


class EfficientNetLite(nn.Module):
    def __init__(self, width, depth, num_classes=1000):
        super().__init__()
        self._conv_stem = SameConv2d(3, 32, 3, 2, bias=False)
        self._bn0 = norm(32)
        blocks, channels = [], 32
        for i, (expand, kernel, stride, _, out, repeats) in enumerate(STAGES):
            scaled = max(8, int(out * width + 4) // 8 * 8)
            out = scaled + 8 if scaled < 0.9 * out * width else scaled
            if 0 < i < len(STAGES) - 1:
                repeats = math.ceil(repeats * depth)
            for n in range(repeats):
                blocks.append(Block(channels, expand, kernel, stride if n == 0 else 1, out))
                channels = out
        self._blocks = nn.ModuleList(blocks)
        self._conv_head = SameConv2d(channels, 1280, 1, bias=False)
        self._bn1 = norm(1280)
        self._fc = nn.Linear(1280, num_classes)

    def forward(self, x):
        x = functional.relu6(self._bn0(self._conv_stem(x)))
        for block in self._blocks:
            x = block(x)
        x = functional.relu6(self._bn1(self._conv_head(x)))
        return self._fc(x.mean((2, 3)))
