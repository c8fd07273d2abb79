"""The networks that all engines run: torchvision's, with weights and batch-norm statistics made from a seed, and
EfficientDet as our tests' goldens have it."""
import pathlib
import sys

import torch
import torchvision

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "tests/golden"))
import efficientdet

NAMES = ["mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "ssdlite320_mobilenet_v3_large", "efficientnet_b0",
         "efficientdet_d0"]


class RawDetector(torch.nn.Module):
    """Backbone and heads of a torchvision SSD: image -> cls_logits [1, boxes, classes], bbox_regression [1, boxes, 4]."""

    def __init__(self, detector):
        super().__init__()
        self.backbone, self.head = detector.backbone, detector.head

    def forward(self, image):
        outputs = self.head(list(self.backbone(image).values()))
        return outputs["cls_logits"], outputs["bbox_regression"]


class EfficientDetD0(torch.nn.Module):
    """zylo117's EfficientDet-D0: image -> class logits [1, boxes, classes], box regressions [1, boxes, 4]."""

    def __init__(self):
        super().__init__()
        self.network = efficientdet.EfficientDet(width=1.0, depth=1.0, channels=64, cells=3, head_layers=3, classes=90)
        self.weights = efficientdet.Weights([])

    def forward(self, image):
        outputs = self.network(self.weights, image)
        return outputs["classification"], outputs["regression"]


def weights_of(network):
    """By the names of the published files."""
    return network.weights.values if isinstance(network, EfficientDetD0) else network.state_dict()


def make(name):
    """(module in evaluation mode, input [1, 3, side, side])"""
    torch.manual_seed(0)
    if name == "efficientdet_d0":
        return EfficientDetD0().eval(), torch.randn(1, 3, 512, 512)
    if name.startswith("ssdlite"):
        network = RawDetector(getattr(torchvision.models.detection, name)(weights=None, weights_backbone=None))
        side = 320
    else:
        network, side = getattr(torchvision.models, name)(weights=None), 224
    use_statistics_of(torch.randn(4, 3, side, side), network)
    return network.eval(), torch.randn(1, 3, side, side)


def use_statistics_of(images, network):
    """Sets batch-norm's means and variances to those of the images, so that activations have a trained network's size."""
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = 1.0
    network.train()
    with torch.no_grad():
        network(images)
