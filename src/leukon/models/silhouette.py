"""Two streams: one sees the cell as the camera does, the other its silhouette alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from leukon.models.mobilenet_v2 import mobilenet_v2
from leukon.models.network import DroppedLinear, Network, Published
from leukon.models.resnet_v2 import resnet50_v2

WIDTHS = 16, 32, 64, 96
SHARE = 0.3  # of the silhouette in the common opinion; more costs accuracy where colours are known
SHARE_ABROAD = 0.5  # where they are not


class _Streams(nn.Module):
    def __init__(self, picture: nn.Module) -> None:
        super().__init__()
        self.picture = picture
        layers: list[nn.Module] = [nn.AvgPool2d(2)]
        inputs = 1
        for width in WIDTHS:
            layers += [
                nn.Conv2d(inputs, width, 3, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
                nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False),
                nn.Conv2d(width, width, 1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
                nn.MaxPool2d(2),
            ]
            inputs = width
        self.silhouette = nn.Sequential(*layers)

    def forward(self, batch: Tensor) -> Tensor:
        picture = self.picture(batch[:, :-1])
        return torch.cat([picture, self.silhouette(batch[:, -1:]).mean(dim=(2, 3))], dim=1)


class _Heads(nn.Module):
    def __init__(self, picture: nn.Module, silhouette: nn.Module) -> None:
        super().__init__()
        self.picture = picture
        self.silhouette = silhouette

    def forward(self, features: Tensor, share: float = SHARE) -> Tensor:
        picture, silhouette = (logits.log_softmax(dim=1) for logits in self.apart(features))
        return (1 - share) * picture + share * silhouette

    def apart(self, features: Tensor) -> tuple[Tensor, Tensor]:
        shape = WIDTHS[-1]
        return self.picture(features[:, :-shape]), self.silhouette(features[:, -shape:])


class TwoStreams(Network):
    """A network of the picture beside a small one of the silhouette, the last plane of the batch.

    Each learns to name the cell by itself, so that the stronger one at home does not silence the other: on
    a new imaging system colours change and shapes stay. The common opinion is the weighted geometric mean of
    their probabilities.
    """

    head: _Heads

    def __init__(self, picture: Network, classes: int) -> None:
        published = picture.published
        names = ("head.", "head."), ("body.", "body."), *published.names
        super().__init__(
            _Streams(picture.body),
            _Heads(picture.head, DroppedLinear(WIDTHS[-1], classes, dropout=0.2)),
            features=picture.features + WIDTHS[-1],
            layers=picture.layers(),
            published=Published(
                tuple((theirs, ours.replace(".", ".picture.", 1)) for theirs, ours in names),
                added=("body.silhouette.", "head.silhouette."),
                ignored=published.ignored,
            ),
        )

    def opinions(self, features: Tensor) -> tuple[Tensor, ...]:
        """Return the logits of the picture and those of the silhouette, each of shape (N, K)."""
        return self.head.apart(features)

    def abroad(self, features: Tensor) -> Tensor:
        """Return logits, shape (N, K), with more of a say for the silhouette."""
        logits: Tensor = self.head(features, SHARE_ABROAD)
        return logits


def mobilenet_v2_silhouette(classes: int, *, channels: int, dropout: float = 0.2) -> Network:
    """Build MobileNetV2 with a silhouette beside it; `channels` counts the silhouette's plane."""
    return TwoStreams(mobilenet_v2(classes, channels=channels - 1, dropout=dropout), classes)


def resnet50_v2_silhouette(classes: int, *, channels: int, dropout: float = 0.2) -> Network:
    """Build the first three stages of ResNet-50 v2 with a silhouette beside them, likewise."""
    return TwoStreams(resnet50_v2(classes, channels=channels - 1, dropout=dropout), classes)
