"""MobileNetV2 as the ONNX model zoo has it."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from leukon.models.weights import read_weights

# expansion, channels, repeats, stride of the first (Sandler et al. 2018, table 2)
BLOCKS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
FEATURES = 1280


class InvertedResidual(nn.Module):
    """1×1 expansion, 3×3 depthwise, 1×1 linear projection, with a shortcut where shapes allow."""

    def __init__(self, inputs: int, outputs: int, *, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.shortcut = stride == 1 and inputs == outputs
        self.conv = nn.Sequential(
            nn.Conv2d(inputs, hidden, 1, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H/stride, W/stride)."""
        y: Tensor = self.conv(x)
        return x + y if self.shortcut else y


class MobileNetV2(nn.Module):
    """MobileNetV2 1.0 with ReLU throughout and an expansion in the first block too.

    So built, it takes the Apache-2.0 weights of the ONNX model zoo (MXNet Gluon), which differ in both
    points from torchvision's. Source: Sandler et al. 2018.

    Parameters
    ----------
    classes : int
        Number of outputs.
    dropout : float
        Before the last layer.
    """

    def __init__(self, classes: int, *, dropout: float = 0.2) -> None:
        super().__init__()
        layers: list[nn.Module] = [_conv_block(3, 32, kernel=3, stride=2)]
        width = 32
        for expansion, channels, repeats, first_stride in BLOCKS:
            for i in range(repeats):
                stride = first_stride if i == 0 else 1
                layers.append(InvertedResidual(width, channels, stride=stride, expansion=expansion))
                width = channels
        layers.append(_conv_block(width, FEATURES, kernel=1, stride=1))
        self.features = nn.Sequential(*layers)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(FEATURES, classes)

    def forward(self, batch: Tensor) -> Tensor:
        """Map (N, 3, H, W) to logits (N, classes)."""
        pooled = self.features(batch).mean(dim=(2, 3))
        logits: Tensor = self.classifier(self.dropout(pooled))
        return logits


def _conv_block(inputs: int, outputs: int, *, kernel: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def build(classes: int, variant: str, weights: Path | None, *, pretrained: bool) -> nn.Module:  # noqa: ARG001
    """Build the network; `weights` may hold the backbone alone. There are no hub weights."""
    network = MobileNetV2(classes)
    # The rate at which running statistics follow suits the short schedules of fine-tuning.
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.05
    torch.nn.init.normal_(network.classifier.weight, std=0.01)
    torch.nn.init.zeros_(network.classifier.bias)
    if weights is not None:
        read_weights(network, weights)
    return network
