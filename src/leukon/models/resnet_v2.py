"""ResNet-50 v2 up to its third stage, as the ONNX model zoo has it."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import relu

from leukon.models.network import Network, Published, tuning_head

# channels before, blocks, channels within and after each, stride of the first; the fourth stage is left out
STAGES = ((64, 3, 64, 256, 1), (256, 4, 128, 512, 2), (512, 6, 256, 1024, 2))
FEATURES = 1024


class PreActivation(nn.Module):
    """Normalization and ReLU before each of three convolutions, and a shortcut around them."""

    def __init__(self, inputs: int, within: int, outputs: int, *, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, within, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(within)
        self.conv2 = nn.Conv2d(within, within, 3, stride, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(within)
        self.conv3 = nn.Conv2d(within, outputs, 1, bias=False)
        self.downsample = None if inputs == outputs else nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H/stride, W/stride)."""
        active = relu(self.bn1(x))
        shortcut = x if self.downsample is None else self.downsample(active)
        y = self.conv2(relu(self.bn2(self.conv1(active))))
        y = self.conv3(relu(self.bn3(y)))
        return shortcut + y  # type: ignore[no-any-return]


class ResNet50V2(nn.Module):
    """ResNet-50 v2 without its last stage: 8.5 million parameters, features of 1024.

    Cells are small and have no parts as objects have: what the last stage knows of these is no help, and it
    holds two thirds of the weights. Source: He et al., "Identity mappings in deep residual networks", 2016.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bn_in = nn.BatchNorm2d(channels)
        self.conv0 = nn.Conv2d(channels, 64, 7, 2, 3, bias=False)
        self.bn0 = nn.BatchNorm2d(64)
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.layer1, self.layer2, self.layer3 = (_stage(*sizes) for sizes in STAGES)
        self.post = nn.BatchNorm2d(FEATURES)

    def forward(self, batch: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, 1024)."""
        x = self.pool(relu(self.bn0(self.conv0(self.bn_in(batch)))))
        x = self.layer3(self.layer2(self.layer1(x)))
        return relu(self.post(x)).mean(dim=(2, 3))


def _stage(inputs: int, blocks: int, within: int, outputs: int, stride: int) -> nn.Sequential:
    rest = (PreActivation(outputs, within, outputs, stride=1) for _ in range(blocks - 1))
    return nn.Sequential(PreActivation(inputs, within, outputs, stride=stride), *rest)


def resnet50_v2(classes: int, *, channels: int, dropout: float = 0.2) -> Network:
    """Build the network; a weights file holds the backbone alone. There are no hub weights."""
    body = ResNet50V2(channels)
    head = tuning_head(body, FEATURES, classes, dropout=dropout)
    layers = {
        f"layer{number}_{i}": block
        for number, stage in enumerate((body.layer1, body.layer2, body.layer3), 1)
        for i, block in enumerate(stage, 1)
    }
    posts = ("g", "weight"), ("b", "bias"), ("mean", "running_mean"), ("var", "running_var")
    names = tuple((f"post_{theirs}", f"body.post.{ours}") for theirs, ours in posts)
    published = Published((*names, ("classifier.", "head."), ("", "body.")))
    return Network(body, head, features=FEATURES, layers=layers, published=published)
