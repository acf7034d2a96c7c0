"""CNN–LSTM hybrids (after Liang et al. 2018): what a CNN sees, and what an LSTM reads row by row.

The work that compares them gives neither widths nor the way of merging: the LSTM's 128 units, the joined
features and the dense layer of 256 are a reconstruction.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from leukon.models.inception import inception_v3
from leukon.models.network import Network, Published, Tensors
from leukon.models.resnet import resnet50
from leukon.models.transformer import resized
from leukon.models.xception import xception

CNNS = {"xception": xception, "inception_v3": inception_v3, "resnet50": resnet50}
UNITS, WIDTH = 128, 256


class CnnLstm(nn.Module):
    """Pooled features of one or more CNNs, and an LSTM over the rows of the image, merged by a dense layer.

    Parameters
    ----------
    cnns : mapping of str to Network
        Their heads are not used.
    channels, image_size : int
        The LSTM takes `image_size` steps of ``channels * image_size`` values.
    units, width : int
        Of the LSTM, and of the features that go out.
    """

    def __init__(
        self, cnns: Mapping[str, Network], channels: int, image_size: int, *, units: int, width: int
    ) -> None:
        super().__init__()
        self.image_size = image_size
        self.cnns = nn.ModuleDict({name: network.body for name, network in cnns.items()})
        self.lstm = nn.LSTM(channels * image_size, units, batch_first=True)
        joined = sum(network.features for network in cnns.values()) + units
        self.merge = nn.Sequential(nn.Linear(joined, width), nn.ReLU())

    def forward(self, batch: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, width)."""
        rows = resized(batch, self.image_size).permute(0, 2, 1, 3).flatten(2)
        read = self.lstm(rows)[0][:, -1]
        features: Tensor = self.merge(torch.cat([*(cnn(batch) for cnn in self.cnns.values()), read], dim=1))
        return features


def xception_lstm(
    classes: int, *, channels: int, image_size: int = 224, units: int = UNITS, width: int = WIDTH
) -> Network:
    """Build the hybrid of Xception."""
    return _build(("xception",), classes, channels, image_size, units=units, width=width)


def inception_v3_lstm(
    classes: int, *, channels: int, image_size: int = 224, units: int = UNITS, width: int = WIDTH
) -> Network:
    """Build the hybrid of Inception-v3, for images of 75 px or more."""
    return _build(("inception_v3",), classes, channels, image_size, units=units, width=width)


def resnet50_lstm(
    classes: int, *, channels: int, image_size: int = 224, units: int = UNITS, width: int = WIDTH
) -> Network:
    """Build the hybrid of ResNet-50."""
    return _build(("resnet50",), classes, channels, image_size, units=units, width=width)


def xception_resnet50_lstm(
    classes: int, *, channels: int, image_size: int = 224, units: int = UNITS, width: int = WIDTH
) -> Network:
    """Build the hybrid of Xception and ResNet-50 together."""
    return _build(("xception", "resnet50"), classes, channels, image_size, units=units, width=width)


def _build(
    names: tuple[str, ...], classes: int, channels: int, image_size: int, *, units: int, width: int
) -> Network:
    cnns = {name: CNNS[name](classes, channels=channels) for name in names}
    body = CnnLstm(cnns, channels, image_size, units=units, width=width)
    layers = {f"{name}.{key}": layer for name, cnn in cnns.items() for key, layer in cnn.layers().items()}
    return Network(body, nn.Linear(width, classes), features=width, layers=layers, published=_published(cnns))


def _published(cnns: Mapping[str, Network]) -> Published:
    """Name the CNNs' own published weights behind their names and a dot; one alone needs no such prefix."""
    names: list[tuple[str, str]] = []
    ignored: list[str] = []
    for name, cnn in cnns.items():
        for prefix in (f"{name}.", "") if len(cnns) == 1 else (f"{name}.",):
            ignored += [prefix + beginning for beginning in cnn.published.ignored]
            for theirs, ours in cnn.published.names:
                if ours == "head.":
                    ignored.append(prefix + theirs)
                else:
                    names.append((prefix + theirs, f"body.cnns.{name}.{ours.removeprefix('body.')}"))

    def fetch() -> Tensors:
        return {
            f"{name}.{key}": tensor
            for name, cnn in cnns.items()
            if cnn.published.hub
            for key, tensor in cnn.published.hub().items()
        }

    return Published(tuple(names), ("body.lstm.", "body.merge."), tuple(ignored), fetch)
