"""Trains torchvision's SSDLite320 for some steps and prints one line of JSON: worker.py [OPTIONS]

A step is forward, matching, loss, backward and SGD's update, on one batch that is ready in memory: normalised images and
targets. Parameters, images and boxes are those of tests/train/make_ssdlite_curve.py, drawn from names, with every batch-norm
in training mode. fovea_worker.cpp does the same and prints the same:

    version          what ran
    seconds          of every step after the warm-up
    losses           of every step, the warm-up's too
    start_rss_mb     resident memory before the first step, with the library, the parameters and the batch
    peak_rss_mb      the most resident memory ever
"""
import argparse
import json
import pathlib
import resource
import sys
import time

import torch
from torchvision.ops import box_iou

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "train"))
import make_ssdlite_curve as curves  # noqa: E402

NETWORKS = {
    "ssdlite320_large": {**curves.SHARED, **curves.LARGE},
    "ssdlite320_small": {**curves.SHARED, **curves.SMALL, "size": 320, "classes": 4},
}


def resident_mb():
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


class Step:
    """A network, its optimizer and a batch; a call is one step and returns the loss."""

    def __init__(self, settings, batch, channels_last, compiled):
        self.model = curves.start({**settings, "frozen_norms": []})
        images, self.targets = self._batch(settings["size"], batch)
        self.images = images.tensors
        if channels_last:
            self.model.to(memory_format=torch.channels_last)
            self.images = self.images.contiguous(memory_format=torch.channels_last)
        self.network = torch.compile(self._network) if compiled else self._network
        with torch.no_grad():
            maps = curves.start({**settings, "frozen_norms": []}).eval().backbone(images.tensors[:1])
        self.anchors = self.model.anchor_generator(images, list(maps.values()))
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=settings["lr"], momentum=settings["momentum"],
                                         weight_decay=settings["weight_decay"])

    def _batch(self, size, batch):
        names = ["curve%d" % i for i in range(batch)]
        images = [torch.from_numpy(curves.streams.scene(name, size, size)).permute(2, 0, 1).float() / 255
                  for name in names]
        targets = [dict(zip(("boxes", "labels"), map(torch.tensor, curves.paint_targets(name, size)))) for name in names]
        return self.model.transform(images, [{**t, "boxes": t["boxes"].float()} for t in targets])

    def _network(self, images):
        return self.model.head(list(self.model.backbone(images).values()))

    def __call__(self):
        outputs = self.network(self.images)
        matched = [self.model.proposal_matcher(box_iou(target["boxes"], anchors))
                   for target, anchors in zip(self.targets, self.anchors)]
        losses = self.model.compute_loss(self.targets, outputs, self.anchors, matched)
        loss = losses["bbox_regression"] + losses["classification"]
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return float(loss.detach())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", choices=NETWORKS, default="ssdlite320_large")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=5, help="that are timed")
    parser.add_argument("--warm-up", type=int, default=2, help="steps before")
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--compile", action="store_true", help="torch.compile of the forward and backward pass")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    step = Step({"lr": 1e-3, **NETWORKS[arguments.network]}, arguments.batch, arguments.channels_last, arguments.compile)
    start_rss, seconds, losses = resident_mb(), [], []
    for _ in range(arguments.warm_up + arguments.steps):
        begin = time.perf_counter()
        losses.append(step())
        seconds.append(time.perf_counter() - begin)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"version": "torch " + torch.__version__, "seconds": seconds[arguments.warm_up:], "losses": losses,
                      "start_rss_mb": round(start_rss), "peak_rss_mb": round(peak)}))


if __name__ == "__main__":
    main()
