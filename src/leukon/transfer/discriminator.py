"""The discriminator: a PatchGAN of 70 × 70 px."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from leukon.transfer.generator import SLOPE, norm


@dataclass(frozen=True, slots=True)
class DiscriminatorSpec:
    """Size of the discriminator; by default the published one of 11,038,081 parameters.

    Attributes
    ----------
    widths : tuple of int
        Feature channels of all blocks but the last, which has one; the last two blocks keep the size.
    """

    widths: tuple[int, ...] = (128, 256, 512, 1024)

    def build(self) -> Discriminator:
        """Build the network with random weights."""
        return Discriminator(self)


class Discriminator(nn.Module):
    """4×4 convolutions; no batch normalization in the first and the last."""

    def __init__(self, spec: DiscriminatorSpec) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for i, (a, b) in enumerate(zip((3, *spec.widths), spec.widths, strict=False)):
            layers.append(nn.Conv2d(a, b, 4, 2 if i < len(spec.widths) - 1 else 1, 1))
            layers += [norm(b)] if i else []
            layers.append(nn.LeakyReLU(SLOPE))
        self.patches = nn.Sequential(*layers, nn.Conv2d(spec.widths[-1], 1, 4, 1, 1))

    def forward(self, pictures: Tensor) -> Tensor:
        """Return how real each of (N, 3, H, W), -1…1, looks: the mean over its patches, 0…1, shape (N,)."""
        return torch.sigmoid(self.patches(pictures).float()).mean(dim=(1, 2, 3))
