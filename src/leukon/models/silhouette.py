"""Streams: one sees the cell as the camera does, others its silhouette alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from leukon.models.mobilenet_v2 import mobilenet_v2
from leukon.models.network import DroppedLinear, Network, Published
from leukon.models.resnet_v2 import resnet50_v2

WIDTHS = 16, 32, 64, 96
SHARE = 0.3  # of the silhouette in the common opinion; more costs accuracy where colours are known
SHARE_ABROAD = 0.5  # where they are not


def _shape() -> nn.Sequential:
    """Build one network of the silhouette, from (N, 1, H, W) to maps of 96 channels."""
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
    return nn.Sequential(*layers)


class _Streams(nn.Module):
    def __init__(self, picture: nn.Module | None, count: int) -> None:
        super().__init__()
        self.picture = picture
        self.silhouette = nn.ModuleList(_shape() for _ in range(count))

    def forward(self, batch: Tensor) -> Tensor:
        parts = [] if self.picture is None else [self.picture(batch[:, :-1])]
        return torch.cat(
            [*parts, *(shape(batch[:, -1:]).mean(dim=(2, 3)) for shape in self.silhouette)], dim=1
        )


class _Heads(nn.Module):
    def __init__(self, picture: nn.Module | None, classes: int, count: int) -> None:
        super().__init__()
        self.picture = picture
        heads = (DroppedLinear(WIDTHS[-1], classes, dropout=0.2) for _ in range(count))
        self.silhouette = nn.ModuleList(heads)

    def forward(self, features: Tensor, share: float = SHARE) -> Tensor:
        opinions = [logits.log_softmax(dim=1) for logits in self.apart(features)]
        silhouette = torch.stack(opinions[-len(self.silhouette) :]).mean(dim=0)
        return silhouette if self.picture is None else (1 - share) * opinions[0] + share * silhouette

    def apart(self, features: Tensor) -> tuple[Tensor, ...]:
        width, count = WIDTHS[-1], len(self.silhouette)
        shapes = features[:, -count * width :].reshape(-1, count, width).unbind(1)
        named = tuple(head(shape) for head, shape in zip(self.silhouette, shapes, strict=True))
        return named if self.picture is None else (self.picture(features[:, : -count * width]), *named)


class Streams(Network):
    """A network of the picture beside small ones of the silhouette, the last plane of the batch.

    Each learns to name the cell by itself, so that the strongest one at home does not silence the others: on
    a new imaging system colours change and shapes stay. The common opinion is the weighted geometric mean of
    their probabilities. Without a picture's network it is that of the silhouettes alone.
    """

    head: _Heads

    def __init__(self, picture: Network | None, classes: int, count: int) -> None:
        width = count * WIDTHS[-1]
        if picture is None:
            super().__init__(_Streams(None, count), _Heads(None, classes, count), features=width)
            return
        published = picture.published
        names = ("head.", "head."), ("body.", "body."), *published.names
        super().__init__(
            _Streams(picture.body, count),
            _Heads(picture.head, classes, count),
            features=picture.features + width,
            layers=picture.layers(),
            published=Published(
                tuple((theirs, ours.replace(".", ".picture.", 1)) for theirs, ours in names),
                added=("body.silhouette.", "head.silhouette."),
                ignored=published.ignored,
            ),
        )

    def opinions(self, features: Tensor) -> tuple[Tensor, ...]:
        """Return the logits of the picture and those of each silhouette network, each of shape (N, K)."""
        return self.head.apart(features)

    def abroad(self, features: Tensor) -> Tensor:
        """Return logits, shape (N, K), with more of a say for the silhouette."""
        logits: Tensor = self.head(features, SHARE_ABROAD)
        return logits


def mobilenet_v2_silhouette(
    classes: int, *, channels: int, dropout: float = 0.2, silhouettes: int = 1
) -> Network:
    """Build MobileNetV2 with so many networks of the silhouette beside it, whose plane `channels` counts."""
    return Streams(mobilenet_v2(classes, channels=channels - 1, dropout=dropout), classes, silhouettes)


def resnet50_v2_silhouette(
    classes: int, *, channels: int, dropout: float = 0.2, silhouettes: int = 1
) -> Network:
    """Build the first three stages of ResNet-50 v2 with networks of the silhouette beside them, likewise."""
    return Streams(resnet50_v2(classes, channels=channels - 1, dropout=dropout), classes, silhouettes)


def silhouette(classes: int, *, channels: int, silhouettes: int = 1) -> Network:  # noqa: ARG001
    """Build the networks of the silhouette alone, as they stand beside others; they see the last plane."""
    return Streams(None, classes, silhouettes)
