"""The networks that all engines run: torchvision's, with weights and batch-norm statistics made from a seed."""
import torch
import torchvision

NAMES = ["mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "ssdlite320_mobilenet_v3_large"]


class RawDetector(torch.nn.Module):
    """Backbone and heads of a torchvision SSD: image -> cls_logits [1, boxes, classes], bbox_regression [1, boxes, 4]."""

    def __init__(self, detector):
        super().__init__()
        self.backbone, self.head = detector.backbone, detector.head

    def forward(self, image):
        outputs = self.head(list(self.backbone(image).values()))
        return outputs["cls_logits"], outputs["bbox_regression"]


def make(name):
    """(module in evaluation mode, input [1, 3, side, side])"""
    torch.manual_seed(0)
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
