#!/usr/bin/env python3
"""Writes tests/data/kernels/*.json: what torch 1.13 makes of small inputs, for the tests of the reference kernels.

Run with Debian's python3-torch. Inputs and weights come from named streams (tests/golden/streams.py), outputs are kept
as statistics and sampled values, with the distance of the float32 run from a float64 run as the reference's noise.
"""
import os
import sys

import torch
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "golden"))
import streams  # noqa: E402

SAMPLES = 24

# kernel, stride, (top, left, bottom, right) padding, dilation, groups, outputs
CONVOLUTIONS = {
    "dense3": ((3, 3), (1, 1), (1, 1, 1, 1), 1, 1, 6),
    "dense3_s2": ((3, 3), (2, 2), (1, 1, 1, 1), 1, 1, 6),
    "dw5": ((5, 5), (1, 1), (2, 2, 2, 2), 1, 8, 8),
    "dw5_d2": ((5, 5), (1, 1), (4, 4, 4, 4), 2, 8, 8),
    "dw3_s2": ((3, 3), (2, 2), (1, 1, 1, 1), 1, 8, 8),
    "atrous6": ((3, 3), (1, 1), (6, 6, 6, 6), 6, 1, 4),
    "group2": ((3, 3), (1, 1), (1, 1, 1, 1), 1, 2, 10),
    "asym": ((3, 5), (2, 1), (1, 0, 1, 0), 1, 1, 4),
    "point": ((1, 1), (1, 1), (0, 0, 0, 0), 1, 1, 12),
    "valid3": ((3, 3), (1, 1), (0, 0, 0, 0), 1, 1, 4),
    "even_uneven_pad": ((2, 4), (3, 2), (0, 2, 1, 3), 1, 1, 3),
    "larger_than_input": ((9, 11), (1, 1), (1, 1, 2, 1), 1, 1, 2),
}


def tensor(values):
    return torch.from_numpy(values)


def write(case, inputs, outputs):
    """outputs: name -> function of (a function from stream names to tensors of the right precision)."""
    records = []
    for name, compute in outputs.items():
        single, double = compute(torch.float32), compute(torch.float64)
        records.append(streams.record(name, single, double, SAMPLES))
    manifest = {"case": case, "reference": "torch " + torch.__version__, "input": inputs, "outputs": records}
    streams.write_manifest(os.path.join(HERE, "kernels", case + ".json"), manifest)


def activations():
    shape = [40]
    functions = {
        "relu": F.relu, "relu6": F.relu6, "hardsigmoid": F.hardsigmoid, "hardswish": F.hardswish,
        "sigmoid": torch.sigmoid, "silu": F.silu, "softplus": F.softplus,
    }

    def x(dtype):
        drawn = 3 * tensor(streams.fill_input(shape, "sym2", "kernels:activations")).to(dtype)
        return torch.cat([drawn, torch.tensor([-6.0, -3.0, -0.0, 0.0, 3.0, 6.0, 30.0, -30.0], dtype=dtype)])

    def gradient(f, dtype):
        leaf = x(dtype).requires_grad_()
        f(leaf).sum().backward()
        return leaf.grad

    outputs = {}
    for name, f in functions.items():
        outputs[name] = lambda dtype, f=f: f(x(dtype))
        outputs["grad_" + name] = lambda dtype, f=f: gradient(f, dtype)
    write("activations", [{"name": "x", "shape": shape, "stream": "kernels:activations", "rule": "sym2"}], outputs)


def convolutions():
    shape = [2, 8, 7, 9]

    def run(tag, which, dtype):
        kernel, stride, (top, left, bottom, right), dilation, groups, out = CONVOLUTIONS[tag]
        x = tensor(streams.fill_input(shape, "sym2", "kernels:conv")).to(dtype).requires_grad_()
        name = "conv_variants:" + tag
        w = tensor(streams.fill_value(name + ".weight", (out, shape[1] // groups) + kernel)).to(dtype).requires_grad_()
        b = tensor(streams.fill_value(name + ".bias", (out,))).to(dtype).requires_grad_()
        y = F.conv2d(F.pad(x, (left, right, top, bottom)), w, b, stride, 0, dilation, groups)
        y.backward(tensor(streams.fill_input(list(y.shape), "sym2", "conv_variants:up_" + tag)).to(dtype))
        return {"": y, "gx_": x.grad, "gw_": w.grad, "gb_": b.grad}[which]

    outputs = {which + tag: lambda dtype, tag=tag, which=which: run(tag, which, dtype)
               for tag in CONVOLUTIONS for which in ("", "gx_", "gw_", "gb_")}
    write("conv_variants", [{"name": "x", "shape": shape, "stream": "kernels:conv", "rule": "sym2"}], outputs)


def same_padding(size, kernel, stride):
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def same_conv(x, kernel, stride, dtype):
    name = "pooling:same%d%d.conv" % (kernel, stride)
    w = tensor(streams.fill_value(name + ".weight", (4, x.shape[1], kernel, kernel))).to(dtype)
    b = tensor(streams.fill_value(name + ".bias", (4,))).to(dtype)
    pads = same_padding(x.shape[3], kernel, stride) + same_padding(x.shape[2], kernel, stride)
    return F.conv2d(F.pad(x, pads), w, b, stride)


def pooling():
    shape = [2, 3, 10, 7]

    def x(dtype):
        return tensor(streams.fill_input(shape, "sym2", "kernels:pooling")).to(dtype)

    def same_max(dtype, value):
        pads = same_padding(shape[3], 3, 2) + same_padding(shape[2], 3, 2)
        return F.max_pool2d(F.pad(x(dtype) - 2, pads, value=value), 3, 2)

    outputs = {"adaptive_avg_%dx%d" % s: lambda d, s=s: F.adaptive_avg_pool2d(x(d), s)
               for s in ((1, 1), (7, 7), (3, 5), (4, 6))}
    outputs.update({
        "adaptive_max_5x4": lambda d: F.adaptive_max_pool2d(x(d), (5, 4)),
        "max_2x2_ceil": lambda d: F.max_pool2d(x(d), 2, 2, ceil_mode=True),
        "max_2x2_floor": lambda d: F.max_pool2d(x(d), 2, 2),
        "max_3x3_s1_p1": lambda d: F.max_pool2d(x(d), 3, 1, 1),
        "max_1x1_s2": lambda d: F.max_pool2d(x(d), 1, 2),
        "max_3x3_s2_p1_ceil": lambda d: F.max_pool2d(x(d), 3, 2, 1, ceil_mode=True),
        "avg_3x3_s2_p1": lambda d: F.avg_pool2d(x(d), 3, 2, 1),
        "avg_3x3_nopadcount": lambda d: F.avg_pool2d(x(d), 3, 2, 1, count_include_pad=False),
        "avg_3x3_s2_p1_ceil": lambda d: F.avg_pool2d(x(d), 3, 2, 1, ceil_mode=True),
        "zylo_maxpool_same_negative": lambda d: same_max(d, 0.0),
        "tf_maxpool_same_negative": lambda d: same_max(d, float("-inf")),
        "same_conv_k3_s2_10x7": lambda d: same_conv(x(d), 3, 2, d),
        "same_conv_k5_s2_9x7": lambda d: same_conv(x(d)[:, :, :9, :7], 5, 2, d),
    })
    write("pooling", [{"name": "x", "shape": shape, "stream": "kernels:pooling", "rule": "sym2"}], outputs)


def resize():
    shape = [2, 3, 6, 5]

    def x(dtype):
        return tensor(streams.fill_input(shape, "sym2", "kernels:resize")).to(dtype)

    def gradient(dtype, size, mode):
        leaf = x(dtype).requires_grad_()
        y = F.interpolate(leaf, size=size, mode=mode)
        y.backward(tensor(streams.fill_input(list(y.shape), "sym2", "resize:upstream")).to(dtype))
        return leaf.grad

    sizes = ((12, 10), (17, 23), (3, 2), (1, 1), (4, 9), (6, 5))
    outputs = {"bilinear_%dx%d" % s: lambda d, s=s: F.interpolate(x(d), s, mode="bilinear") for s in sizes}
    outputs.update({"nearest_%dx%d" % s: lambda d, s=s: F.interpolate(x(d), s) for s in ((12, 10), (9, 4))})
    outputs.update({"bicubic_%dx%d" % s: lambda d, s=s: F.interpolate(x(d), s, mode="bicubic")
                    for s in ((9, 8), (4, 3))})
    outputs.update({
        "bilinear_corners_11x9": lambda d: F.interpolate(x(d), (11, 9), mode="bilinear", align_corners=True),
        "scale_1p7": lambda d: F.interpolate(x(d), scale_factor=1.7, mode="bilinear", recompute_scale_factor=True),
        "scale_1p7_norecompute": lambda d: F.interpolate(x(d), scale_factor=1.7, mode="bilinear",
                                                         recompute_scale_factor=False),
        "grad_bilinear_17x23": lambda d: gradient(d, (17, 23), "bilinear"),
        "grad_nearest_9x4": lambda d: gradient(d, (9, 4), "nearest"),
    })
    write("resize", [{"name": "x", "shape": shape, "stream": "kernels:resize", "rule": "sym2"}], outputs)


def dense():
    shape = [2, 6, 3, 5]

    def named(name, shape, dtype):
        return tensor(streams.fill_value(name, shape, has_norm_weight=name.endswith("bn.bias"))).to(dtype)

    def x(dtype):
        return tensor(streams.fill_input(shape, "sym2", "kernels:dense")).to(dtype)

    def batch_norm(dtype):
        p = [named("bn." + k, (6,), dtype) for k in ("running_mean", "running_var", "weight", "bias")]
        return F.batch_norm(x(dtype), *p, eps=1e-3)

    def linear(dtype):
        return F.linear(x(dtype).reshape(2, -1), named("fc.weight", (7, 90), dtype), named("fc.bias", (7,), dtype))

    outputs = {
        "batch_norm": batch_norm,
        "linear": linear,
        "softmax": lambda d: F.softmax(10 * x(d).reshape(2, -1), -1),
        "scale": lambda d: x(d) * torch.sigmoid(named("fc.bias", (6,), d)).reshape(1, -1, 1, 1),
    }
    write("dense", [{"name": "x", "shape": shape, "stream": "kernels:dense", "rule": "sym2"}], outputs)


def pooling_gradients():
    shape = [2, 3, 9, 8]
    # name -> function; "ties" rounds, so that windows have several largest numbers.
    pools = {
        "max_2x2_ceil": lambda x: F.max_pool2d(x, 2, 2, ceil_mode=True),
        "max_3x3_s2_p1": lambda x: F.max_pool2d(x, 3, 2, 1),
        "max_3x3_s1_p1_ties": lambda x: F.max_pool2d(x, 3, 1, 1),
        "max_3x3_d2_p1": lambda x: F.max_pool2d(x, 3, 1, 1, dilation=2),
        "max_3x3_s2_zero_ties": lambda x: F.max_pool2d(F.pad(x, (1, 1, 1, 1)), 3, 2),
        "avg_3x3_s2_p1": lambda x: F.avg_pool2d(x, 3, 2, 1),
        "avg_3x3_nopadcount": lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
        "avg_3x3_s2_p1_ceil": lambda x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True),
        "global_average": lambda x: F.adaptive_avg_pool2d(x, 1),
    }

    def gradient(name, dtype):
        x = tensor(streams.fill_input(shape, "sym2", "kernels:pooling_gradients")).to(dtype)
        x = (x.round() if name.endswith("ties") else x).requires_grad_()
        y = pools[name](x)
        y.backward(tensor(streams.fill_input(list(y.shape), "sym2", "pooling_gradients:" + name)).to(dtype))
        return x.grad

    write("pooling_gradients",
          [{"name": "x", "shape": shape, "stream": "kernels:pooling_gradients", "rule": "sym2"}],
          {name: lambda dtype, name=name: gradient(name, dtype) for name in pools})


def norms():
    shape = [3, 8, 4, 5]
    settings = {"a": (1e-3, 0.01), "b": (1e-5, 0.1), "cma": (1e-5, None)}

    def x(dtype):
        return tensor(streams.fill_input(shape, "sym2", "kernels:norms")).to(dtype)

    def upstream(dtype):
        return tensor(streams.fill_input(shape, "sym2", "norms:upstream")).to(dtype)

    def fill(module, prefix):
        with torch.no_grad():
            for name, value in module.state_dict().items():
                if value.dim() > 0:
                    drawn = streams.fill_value(prefix + name, tuple(value.shape), has_norm_weight=name == "bias")
                    value.copy_(tensor(drawn))

    def step(module, inputs):
        leaf = inputs.clone().requires_grad_()
        module.zero_grad()
        y = module(leaf)
        y.backward(upstream(inputs.dtype))
        return y.detach(), leaf.grad

    def group_norm(dtype):
        module = torch.nn.GroupNorm(4, 8).to(dtype)
        fill(module, "norms:gn.")
        y, gx = step(module, x(dtype))
        return {"groupnorm": y, "grad_gn_x": gx, "grad_gn_weight": module.weight.grad,
                "grad_gn_bias": module.bias.grad}

    def batch_norm(tag, dtype):
        name = "bn_" + tag
        module = torch.nn.BatchNorm2d(8, *settings[tag]).to(dtype)
        fill(module, "norms:bn.")
        y, gx = step(module, x(dtype))
        r = {name: y, "grad_%s_x" % name: gx, "grad_%s_weight" % name: module.weight.grad.clone(),
             "grad_%s_bias" % name: module.bias.grad.clone(), name + "_mean": module.running_mean.clone(),
             name + "_var": module.running_var.clone()}
        module(x(dtype) * 0.5 + 1)
        r.update({name + "_mean2": module.running_mean.clone(), name + "_var2": module.running_var.clone()})
        module.eval()
        r[name + "_eval"], r["grad_%s_eval_x" % name] = step(module, x(dtype))
        return r

    makers = [group_norm] + [lambda dtype, tag=tag: batch_norm(tag, dtype) for tag in settings]
    outputs = {name: lambda dtype, maker=maker, name=name: maker(dtype)[name]
               for maker in makers for name in maker(torch.float32)}
    write("norms", [{"name": "x", "shape": shape, "stream": "kernels:norms", "rule": "sym2"}], outputs)


if __name__ == "__main__":
    for make in (activations, convolutions, pooling, pooling_gradients, resize, dense, norms):
        make()
