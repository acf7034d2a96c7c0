"""RGB → raw as CycleISP learns it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Rgb2RawSpec:
    """Size of the network; by default the published one (Zamir et al. 2020, RGB2RAW branch).

    Attributes
    ----------
    width : int
        Feature channels, a multiple of `reduction`.
    groups, blocks : int
        Recursive residual groups, and dual-attention blocks in each.
    reduction : int
        By what channel attention narrows.
    mosaic : bool
        Whether the output is an RGGB mosaic, in which each pixel keeps one of its three values, as published.
    """

    width: int = 96
    groups: int = 3
    blocks: int = 5
    reduction: int = 8
    mosaic: bool = False

    def build(self) -> Rgb2Raw:
        """Build the network with random weights."""
        return Rgb2Raw(self)


class DualAttentionBlock(nn.Module):
    """Two convolutions, weighted by place and by channel, added to what came in."""

    def __init__(self, width: int, reduction: int, activation: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(_conv(width, width), activation, _conv(width, width))
        self.place = nn.Sequential(nn.Conv2d(2, 1, 3, padding=1, bias=False), nn.Sigmoid())
        self.channel = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            _conv(width, width // reduction, kernel=1),
            nn.ReLU(),
            _conv(width // reduction, width, kernel=1),
            nn.Sigmoid(),
        )
        self.join = _conv(2 * width, width, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, width, H, W) to the same shape."""
        y = self.body(x)
        summary = torch.cat([y.amax(dim=1, keepdim=True), y.mean(dim=1, keepdim=True)], dim=1)
        joined: Tensor = self.join(torch.cat([y * self.place(summary), y * self.channel(y)], dim=1))
        return x + joined


class Rgb2Raw(nn.Module):
    """Convolution, recursive residual groups, two convolutions; one PReLU's slopes serve all of it."""

    def __init__(self, spec: Rgb2RawSpec) -> None:
        super().__init__()
        self.mosaic = spec.mosaic
        activation = nn.PReLU(spec.width)
        self.head = _conv(3, spec.width)
        self.groups = nn.ModuleList(
            nn.Sequential(
                *(DualAttentionBlock(spec.width, spec.reduction, activation) for _ in range(spec.blocks)),
                _conv(spec.width, spec.width),
            )
            for _ in range(spec.groups)
        )
        self.tail = nn.Sequential(_conv(spec.width, spec.width), activation, _conv(spec.width, 3))

    def forward(self, rgb: Tensor) -> Tensor:
        """Map RGB (N, 3, H, W), 0…1, to linear camera RGB of the same shape, in 0…1 once it is trained.

        With `mosaic` all but one channel of each pixel are 0.
        """
        x = self.head(rgb)
        for group in self.groups:
            x = x + group(x)
        raw: Tensor = self.tail(x)
        if not self.training:  # clipped values would teach nothing
            raw = raw.clamp(0, 1)
        return raw * mosaic_mask(raw) if self.mosaic else raw


def mosaic_mask(images: Tensor) -> Tensor:
    """Where an RGGB mosaic has each colour: 1 or 0, shape (1, 3, H, W) of `images`."""
    odd_row = torch.arange(images.shape[2], device=images.device)[:, None] % 2
    odd_column = torch.arange(images.shape[3], device=images.device)[None] % 2
    red, blue = (1 - odd_row) * (1 - odd_column), odd_row * odd_column
    return torch.stack([red, 1 - red - blue, blue])[None].to(images.dtype)


def _conv(inputs: int, outputs: int, *, kernel: int = 3) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
