"""MobileNetV2 as the ONNX model zoo has it."""

from __future__ import annotations

from torch import Tensor, nn

from leukon.models.network import Network, Published, tuning_head

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
    """MobileNetV2 1.0 without its classifier, with ReLU throughout and an expansion in the first block too.

    So built, it takes the Apache-2.0 weights of the ONNX model zoo (MXNet Gluon), which differ in both
    points from torchvision's. Source: Sandler et al. 2018.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [_conv_block(channels, 32, kernel=3, stride=2)]
        width = 32
        for expansion, outputs, repeats, first_stride in BLOCKS:
            for i in range(repeats):
                stride = first_stride if i == 0 else 1
                layers.append(InvertedResidual(width, outputs, stride=stride, expansion=expansion))
                width = outputs
        layers.append(_conv_block(width, FEATURES, kernel=1, stride=1))
        self.features = nn.Sequential(*layers)

    def forward(self, batch: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, 1280)."""
        maps: Tensor = self.features(batch)
        return maps.mean(dim=(2, 3))


def _conv_block(inputs: int, outputs: int, *, kernel: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def mobilenet_v2(classes: int, *, channels: int, dropout: float = 0.2) -> Network:
    """Build the network; a weights file may hold the backbone alone. There are no hub weights."""
    body = MobileNetV2(channels)
    head = tuning_head(body, FEATURES, classes, dropout=dropout)
    layers = {f"block_{i}": block for i, block in enumerate(body.features[1:-1], 1)}
    layers["last"] = body.features[-1]
    published = Published((("classifier.", "head."), ("", "body.")))
    return Network(body, head, features=FEATURES, layers=layers, published=published)
