"""EfficientDet for make_efficientdet_goldens.py, in the names of both ports: EfficientNet as its backbone, a feature pyramid
of cells that are node lists, heads with a batch-norm of each level. Parameters are drawn from their names when they are
first used, so a network is what its forward pass asks for."""
import collections
import math

import torch
from torch.nn import functional

import streams
from lite import STAGES

EPSILON = 1e-3


class Weights:
    """Parameters and buffers by name, in the order in which they are asked for."""

    def __init__(self, gain_prefix):
        self.gain_prefix, self.dtype = gain_prefix, torch.float32
        self.values, self.macs = collections.OrderedDict(), 0

    def get(self, name, *shape, of_norm=False):
        if name not in self.values:
            gain = max(((len(p), g) for p, g in self.gain_prefix if name.startswith(p)), default=(0, 1.0))[1]
            self.values[name] = torch.from_numpy(streams.fill_value(name, shape, of_norm, gain))
        assert tuple(self.values[name].shape) == shape, name
        return self.values[name].to(self.dtype)

    def parameter_count(self):
        buffers = ("running_mean", "running_var", "num_batches_tracked")
        return sum(v.numel() for n, v in self.values.items() if not n.endswith(buffers))

    def entries_hash(self):
        """Of all entries sorted by name: the ports list a pyramid before its backbone, fovea behind it."""
        lines = ("%s:%s\n" % (n, ",".join(map(str, v.shape))) for n, v in sorted(self.values.items()))
        return "0x%016x" % streams.fnv1a64("".join(lines))


class EfficientDet:
    """settings: width, depth, channels, cells, head_layers, classes, levels (lowest, highest), cell (bifpn, fpn, panet),
    fusion (fast, softmax, none), border (zero, excluded), same, bias, names (zylo117, effdet)."""

    def __init__(self, **settings):
        self.__dict__.update({"levels": (3, 7), "cell": "bifpn", "fusion": "fast", "border": "zero", "same": True, "bias": True,
                              "names": "zylo117", **settings})
        self.zylo117 = self.names == "zylo117"

    def padded(self, x, kernel, stride, value=0.0):
        if not self.same:
            return functional.pad(x, [(kernel - 1) // 2] * 4, value=value)
        pads = []
        for side in (x.shape[3], x.shape[2]):
            total = max((math.ceil(side / stride) - 1) * stride + kernel - side, 0)
            pads += [total // 2, total - total // 2]
        return functional.pad(x, pads, value=value)

    def conv(self, name, x, out, kernel=1, stride=1, groups=1, bias=False):
        weight = self.weights.get(name + ".weight", out, x.shape[1] // groups, kernel, kernel)
        offset = self.weights.get(name + ".bias", out) if bias else None
        y = functional.conv2d(self.padded(x, kernel, stride), weight, offset, stride, groups=groups)
        self.weights.macs += y[0].numel() * weight[0].numel()
        return y

    def norm(self, name, x):
        get, channels = self.weights.get, x.shape[1]
        gamma, beta = get(name + ".weight", channels), get(name + ".bias", channels, of_norm=True)
        mean, var = get(name + ".running_mean", channels), get(name + ".running_var", channels)
        get(name + ".num_batches_tracked")
        return functional.batch_norm(x, mean, var, gamma, beta, False, 0, EPSILON)

    # --- backbone

    def backbone(self, x):
        """Maps by level: the last one of each stride."""
        root, scaled = ("backbone_net.model." if self.zylo117 else "backbone."), {}
        inner = ".conv" if self.zylo117 else ""
        stem = ("_conv_stem", "_bn0") if self.zylo117 else ("conv_stem", "bn1")
        x = functional.silu(self.norm(root + stem[1], self.conv(root + stem[0] + inner, x, self.filters(32), 3, 2)))
        index = 0
        for stage, (expand, kernel, stride, _, out, repeats) in enumerate(STAGES):
            for n in range(math.ceil(repeats * self.depth)):
                if n == 0 and stride == 2:
                    scaled[len(scaled) + 1] = x
                name = root + ("_blocks.%d." % index if self.zylo117 else "blocks.%d.%d." % (stage, n))
                x = self.block(name, x, expand, kernel, stride if n == 0 else 1, self.filters(out), inner)
                index += 1
        scaled[len(scaled) + 1] = x
        return scaled

    def filters(self, channels):
        wanted = channels * self.width
        rounded = max(8, int(wanted + 4) // 8 * 8)
        return rounded + 8 if rounded < 0.9 * wanted else rounded

    def block(self, name, x, expand, kernel, stride, out, inner):
        layers = ["_expand_conv _bn0", "_depthwise_conv _bn1", "_project_conv _bn2"]
        squeeze_names = ("_se_reduce", "_se_expand")
        if not self.zylo117:
            layers = ["conv_pw bn1", "conv_dw bn2", "conv_pwl bn3"] if expand > 1 else ["", "conv_dw bn1", "conv_pw bn2"]
            squeeze_names = ("se.conv_reduce", "se.conv_expand")
        layers = [[name + part for part in layer.split()] for layer in layers]
        y, hidden = x, x.shape[1] * expand
        if expand > 1:
            y = functional.silu(self.norm(layers[0][1], self.conv(layers[0][0] + inner, y, hidden)))
        y = self.conv(layers[1][0] + inner, y, hidden, kernel, stride, hidden)
        y = functional.silu(self.norm(layers[1][1], y))
        gate = y.mean((2, 3), keepdim=True)
        gate = functional.silu(self.conv(name + squeeze_names[0] + inner, gate, max(1, x.shape[1] // 4), bias=True))
        y = y * torch.sigmoid(self.conv(name + squeeze_names[1] + inner, gate, hidden, bias=True))
        y = self.norm(layers[2][1], self.conv(layers[2][0] + inner, y, out))
        return x + y if stride == 1 and x.shape[1] == out else y

    # --- pyramid

    def nodes(self):
        """(level, inputs) of a cell; inputs 0.. are the cell's, nodes follow."""
        low, high = self.levels
        ids, nodes = {level: [level - low] for level in range(low, high + 1)}, []

        def node(level, inputs):
            ids[level].append(high - low + 1 + len(nodes))
            nodes.append((level, inputs))

        if self.cell != "bifpn":
            node(high, [ids[high][-1]])
        for level in range(high - 1, low - 1, -1):
            node(level, [ids[level][-1], ids[level + 1][-1]])
        if self.cell == "panet":
            node(low, [ids[low][-1]])
        if self.cell != "fpn":
            for level in range(low + 1, high + 1):
                node(level, (list(ids[level]) if self.cell == "bifpn" else ids[level][-1:]) + [ids[level - 1][-1]])
        return nodes

    def pool(self, x, steps):
        stride = 2**steps
        value = 0.0 if self.border == "zero" else float("-inf")
        return functional.max_pool2d(self.padded(x, stride + 1, stride, value), stride + 1, stride)

    def lateral(self, name, x):
        conv, norm = (".0.conv", ".1") if self.zylo117 else (".conv.conv", ".conv.bn")
        return self.norm(name + norm, self.conv(name + conv, x, self.channels, bias=self.bias))

    def separable(self, name, x, out, bias):
        parts = (".depthwise_conv.conv", ".pointwise_conv.conv") if self.zylo117 else (".conv_dw", ".conv_pw")
        x = self.conv(name + parts[0], x, x.shape[1], 3, groups=x.shape[1])
        return self.conv(name + parts[1], x, out, bias=bias)

    def fuse(self, name, maps):
        if len(maps) == 1:
            return maps[0]
        if self.fusion == "none":
            return sum(maps)
        w = self.weights.get(name, len(maps))
        if self.fusion == "fast":
            w = torch.relu(w)
            w = w / (w.sum() + 1e-4)
        else:
            w = torch.softmax(w, 0)
        return sum(factor * x for factor, x in zip(w, maps))

    def run_cell(self, cell, maps, given):
        low, high = self.levels
        values, outputs, uses, names = list(maps), list(maps), collections.Counter(), collections.Counter()
        level_of = list(range(low, high + 1))
        for index, (level, inputs) in enumerate(self.nodes()):
            up = any(level_of[i] > level for i in inputs)
            if self.zylo117:
                convolution, weights = cell + "conv%d_%s" % (level, "up" if up else "down"), "p%d_w%d" % (level, 1 if up else 2)
                names[convolution] += 1
                number = ".%d" % names[convolution] if names[convolution] > 1 else ""
                convolution, weights, norm = convolution + number, cell + weights + number, convolution + number + ".bn"
            else:
                node = cell + "fnode.%d." % index
                convolution, weights = node + "after_combine.conv", node + "combine.edge_weights"
                norm = convolution + ".bn"
            resampled = []
            for i in inputs:
                x = values[i]
                if i < given:
                    uses[i] += 1
                    x = self.lateral(cell + "p%d_down_channel" % level_of[i] + ("_2" if uses[i] > 1 else "")
                                     if self.zylo117 else node + "combine.resample.%d" % i, x)
                if level_of[i] < level:
                    x = self.pool(x, level - level_of[i])
                elif level_of[i] > level:
                    x = functional.interpolate(x, scale_factor=2.0**(level_of[i] - level), mode="nearest")
                resampled.append(x)
            x = functional.silu(self.fuse(weights, resampled))
            x = self.norm(norm, self.separable(convolution, x, self.channels, self.bias))
            values.append(x)
            level_of.append(level)
            outputs[level - low] = x
        return outputs

    def head(self, name, maps, out):
        convs, norms, last = ("conv_list", "bn_list", "header") if self.zylo117 else ("conv_rep", "bn_rep", "predict")
        rows = []
        for level, x in enumerate(maps):
            for i in range(self.head_layers):
                x = self.separable("%s.%s.%d" % (name, convs, i), x, self.channels, self.bias)
                place = "%d.%d" % (level, i) if self.zylo117 else "%d.%d.bn" % (i, level)
                x = functional.silu(self.norm("%s.%s.%s" % (name, norms, place), x))
            x = self.separable("%s.%s" % (name, last), x, 9 * out, True)
            rows.append(x.permute(0, 2, 3, 1).reshape(x.shape[0], -1, out))
        return torch.cat(rows, 1)

    def __call__(self, weights, x):
        self.weights = weights
        low, high = self.levels
        taps = self.backbone(x)
        maps = [taps[level] for level in range(low, high + 1) if level in taps]
        given = len(maps)
        for level in range(low + given, high + 1):
            x = maps[-1]
            if level == low + given:
                x = self.lateral("bifpn.0.p%d_to_p%d" % (level - 1, level) if self.zylo117 else "fpn.resample.%d" % given, x)
            maps.append(self.pool(x, 1))
        outputs = {}
        for cell in range(self.cells):
            maps = self.run_cell("bifpn.%d." % cell if self.zylo117 else "fpn.cell.%d." % cell, maps, given if cell == 0 else 0)
            outputs.update({"cell.%d.p%d" % (cell, low + i): x for i, x in enumerate(maps)})
        return {**outputs,
                "classification": self.head("classifier" if self.zylo117 else "class_net", maps, self.classes),
                "regression": self.head("regressor" if self.zylo117 else "box_net", maps, 4)}
