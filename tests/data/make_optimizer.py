#!/usr/bin/python3
"""Writes tests/data/train/{optimizers,schedules,init_}*: what torch 1.13 makes of a few steps, rates and new networks.

RMSProp as TensorFlow places its eps is written out here, because torch has none. Run without arguments.
"""
import json
import math
import pathlib

import numpy as np
import torch
from torchvision import models

OUT = pathlib.Path(__file__).resolve().parent / "train"
STEPS, SIZE, RATE, DECAY = 5, 19, 0.03, 0.02


def entry(name, values):
    values = values.to(torch.float64)
    return {"name": name, "shape": list(values.shape), "dtype": "float32",
            "min": values.min().item(), "max": values.max().item(),
            "npy": [float(f"{v:.9g}") for v in values.flatten().tolist()]}


def kept(case, name, values):
    np.save(OUT / f"{case}_{name}.npy", values.to(torch.float32).numpy())
    return {"name": name, "shape": list(values.shape), "npy": f"{case}_{name}.npy"}


def write(case, inputs, outputs, note):
    text = ",\n".join(json.dumps(line) for line in inputs), ",\n".join(json.dumps(line) for line in outputs)
    (OUT / (case + ".json")).write_text(
        '{"case": "%s", "reference": "torch %s", "note": "%s",\n"input": [\n%s],\n"outputs": [\n%s]}\n'
        % (case, torch.__version__, note, *text))


def run(make, start, gradients):
    """[steps, size]: the parameter after each step; rates fall by a tenth a step."""
    p = torch.nn.Parameter(start.clone())
    optimizer = make([p])
    rows = []
    for t, g in enumerate(gradients):
        for group in optimizer.param_groups:
            group["lr"] = RATE * 0.9**t
        p.grad = g.clone()
        optimizer.step()
        rows.append(p.detach().clone())
    return torch.stack(rows)


class TensorFlowRMSprop:
    """tf.train.RMSPropOptimizer with L2 in the gradient."""

    def __init__(self, params, alpha, eps, momentum, centered, weight_decay):
        self.param_groups = [{"lr": RATE}]
        self.p, self.alpha, self.eps, self.momentum = params[0], alpha, eps, momentum
        self.centered, self.decay = centered, weight_decay
        self.square, self.mean = torch.ones_like(self.p), torch.zeros_like(self.p)
        self.buffer = torch.zeros_like(self.p)

    @torch.no_grad()
    def step(self):
        g = self.p.grad + self.decay * self.p
        self.square += (1 - self.alpha) * (g * g - self.square)
        spread = self.square
        if self.centered:
            self.mean += (1 - self.alpha) * (g - self.mean)
            spread = self.square - self.mean**2
        self.buffer = self.momentum * self.buffer + self.param_groups[0]["lr"] * g / (spread + self.eps).sqrt()
        self.p -= self.buffer


def optimizers():
    generator = torch.Generator().manual_seed(5)
    start = torch.randn(SIZE, generator=generator)
    gradients = torch.randn(STEPS, SIZE, generator=generator) * torch.logspace(-3, 1, SIZE)
    sgd, rms, adam, adamw = torch.optim.SGD, torch.optim.RMSprop, torch.optim.Adam, torch.optim.AdamW
    kinds = {
        "sgd": lambda p: sgd(p, RATE),
        "sgd_momentum": lambda p: sgd(p, RATE, momentum=0.8, weight_decay=DECAY),
        "sgd_nesterov": lambda p: sgd(p, RATE, momentum=0.8, weight_decay=DECAY, nesterov=True),
        "sgd_dampening": lambda p: sgd(p, RATE, momentum=0.8, dampening=0.4),
        "rmsprop": lambda p: rms(p, RATE, alpha=0.95, eps=1e-4, weight_decay=DECAY),
        "rmsprop_momentum": lambda p: rms(p, RATE, alpha=0.9, eps=0.0316, momentum=0.9, weight_decay=DECAY),
        "rmsprop_centered": lambda p: rms(p, RATE, alpha=0.9, eps=1e-2, centered=True),
        "rmsprop_centered_momentum": lambda p: rms(p, RATE, alpha=0.9, eps=1e-2, momentum=0.5, centered=True),
        "adam": lambda p: adam(p, RATE, weight_decay=DECAY),
        "adamw": lambda p: adamw(p, RATE, betas=(0.85, 0.9), eps=1e-3, weight_decay=DECAY),
    }
    outputs = [entry(name, run(make, start, gradients)) for name, make in kinds.items()]
    for momentum in (0, 0.9):
        for centered in (False, True):
            name = "rmsprop_tf" + "_centered" * centered + "_momentum" * (momentum > 0)
            outputs.append(entry(name, run(lambda p: TensorFlowRMSprop(p, 0.9, 1e-3, momentum, centered, DECAY),
                                           start, gradients)))
    clipped = [torch.nn.Parameter(torch.zeros(3, 5)), torch.nn.Parameter(torch.zeros(4))]
    flat = gradients[0]
    clipped[0].grad, clipped[1].grad = flat[:15].view(3, 5).clone(), flat[15:].clone()
    outputs.append(entry("clip_norm", torch.nn.utils.clip_grad_norm_(clipped, 1.5).view(1)))
    outputs.append(entry("clipped", torch.cat([c.grad.flatten() for c in clipped])))
    write("optimizers", [kept("optimizers", "p", start), kept("optimizers", "gradients", gradients)], outputs,
          f"row t: after step t, taken with rate {RATE} * 0.9^t; weight decay {DECAY}")


def schedules():
    lr = torch.optim.lr_scheduler
    steps = 40

    def rates(make, metrics=None):
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], 0.2)
        scheduler, row = make(optimizer), []
        for t in range(steps):
            row.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step(*([metrics[t]] if metrics is not None else []))
        return torch.tensor(row, dtype=torch.float64)

    def after_warmup(optimizer, main):
        warmup = lr.LinearLR(optimizer, 0.05, total_iters=6)
        return lr.SequentialLR(optimizer, [warmup, main(optimizer)], milestones=[6])

    metrics = [round((math.sin(t / 3) + t / 40) * 1024) / 1024 for t in range(steps)]  # exact in float
    plateau = lr.ReduceLROnPlateau
    outputs = {
        "cosine": rates(lambda o: lr.CosineAnnealingLR(o, 25, eta_min=0.02)),
        "step": rates(lambda o: lr.StepLR(o, 9, 0.6)),
        "multistep": rates(lambda o: lr.MultiStepLR(o, [5, 21, 22], 0.3)),
        "exponential": rates(lambda o: lr.ExponentialLR(o, 0.93)),
        "poly": rates(lambda o: lr.LambdaLR(o, lambda t: max(0, 1 - t / 30) ** 0.9)),
        "warmup_cosine": rates(lambda o: after_warmup(o, lambda p: lr.CosineAnnealingLR(p, 34))),
        "warmup_multistep": rates(lambda o: after_warmup(o, lambda p: lr.MultiStepLR(p, [3, 20]))),
        "warmup_over": rates(lambda o: lr.ChainedScheduler([lr.LinearLR(o, 0.05, total_iters=6),
                                                            lr.MultiStepLR(o, [3, 20])])),
        "plateau_min": rates(lambda o: plateau(o, factor=0.5, patience=2, cooldown=3), metrics),
        "plateau_max": rates(lambda o: plateau(o, "max", factor=0.5, patience=1, threshold=0.3,
                                               threshold_mode="abs", min_lr=0.01), metrics),
    }
    write("schedules", [kept("schedules", "metrics", torch.tensor(metrics))], [entry(k, v) for k, v in outputs.items()],
          "the rate of each step, base 0.2; warm-ups of 6 steps from 0.05")


def first_values():
    """init_<model>.npy: mean, standard deviation and largest magnitude of every parameter of a new network, by key."""
    statistics = (torch.mean, lambda p: p.std(unbiased=False), lambda p: p.abs().max())
    none = {"weights": None, "weights_backbone": None}
    networks = {"mobilenet_v2": models.mobilenet_v2(), "mobilenet_v3_small": models.mobilenet_v3_small(),
                "ssdlite320": models.detection.ssdlite320_mobilenet_v3_large(**none)}
    for name, network in networks.items():
        rows = [[f(p.detach()).item() for f in statistics] for _, p in sorted(network.named_parameters())]
        np.save(OUT / f"init_{name}.npy", np.array(rows, np.float32))


if __name__ == "__main__":
    optimizers()
    schedules()
    torch.manual_seed(0)
    first_values()
