"""The generator: a U-Net from one system's picture to another's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.2
_EPS, _MOMENTUM = 1e-3, 0.01  # as Keras has them


@dataclass(frozen=True, slots=True)
class GeneratorSpec:
    """Size of the generator; by default the published one of 20,571,971 parameters.

    Attributes
    ----------
    widths : tuple of int
        Feature channels of the encoder's blocks; the decoder mirrors all but the last.
    adds : bool
        Whether what it computes is added to the picture, so that it starts as the identity, and computed from
        the picture itself too, at full size; published: no.
    padding : str
        What lies beyond the edge, ``"zeros"`` as published, or ``"replicate"``: small squares are edges all
        over, and a network that knows them as grey is lost in whole pictures.
    """

    widths: tuple[int, ...] = (64, 128, 256, 512, 512)
    adds: bool = False
    padding: Literal["zeros", "replicate"] = "zeros"

    @property
    def stride(self) -> int:
        """What sides of pictures must be multiples of, px."""
        return int(2 ** len(self.widths))

    @property
    def reach(self) -> int:
        """How far from a pixel the picture can matter to it, px, rounded up to a multiple of `stride`."""
        # Kernels look 2 px away at every scale: less than 2 strides in all on the way down, as much on the
        # way up; doubling sizes adds less than one.
        return 5 * self.stride

    def build(self) -> Generator:
        """Build the network with random weights."""
        return Generator(self)


class Generator(nn.Module):
    """Strided convolutions down, upsampling and convolutions up, skips concatenated."""

    def __init__(self, spec: GeneratorSpec) -> None:
        super().__init__()
        self.stride, self.reach = spec.stride, spec.reach
        planes, padding = (3, *spec.widths), spec.padding
        self.encoder = nn.ModuleList(
            nn.Sequential(nn.Conv2d(a, b, 5, 2, 2, padding_mode=padding), norm(b), nn.LeakyReLU(SLOPE))
            for a, b in zip(planes, spec.widths, strict=False)
        )
        skipped = spec.widths[-2::-1]
        inputs = spec.widths[-1], *(2 * width for width in skipped)
        self.decoder = nn.ModuleList(
            nn.Sequential(_Up(a, b, padding), norm(b), nn.ReLU())
            for a, b in zip(inputs, skipped, strict=False)
        )
        self.last = _Up(inputs[-1], 3, padding)
        self.own = nn.Conv2d(3, 3, 1) if spec.adds else None
        if self.own is not None:
            for parameter in (*self.last.parameters(), *self.own.parameters()):
                nn.init.zeros_(parameter)

    def forward(self, source: Tensor) -> Tensor:
        """Map pictures (N, 3, H, W), -1…1, with sides that the spec's stride divides, to the same shape.

        Where it adds to the picture, values may leave -1…1.
        """
        x, skips = source, []
        for block in self.encoder:
            x = block(x)
            skips.append(x)
        for block, skip in zip(self.decoder, skips[-2::-1], strict=True):
            x = torch.cat([block(x), skip], dim=1)
        x = self.last(x).float()
        return torch.tanh(x) if self.own is None else source + torch.tanh(x + self.own(source))


class _Up(nn.Conv2d):
    """Double the size, then a 4×4 convolution.

    It is the paper's transposed convolution of stride 1, which is a convolution with the kernel turned over,
    and runs faster as one.
    """

    def __init__(self, inputs: int, outputs: int, padding: str) -> None:
        super().__init__(inputs, outputs, 4)
        self.mode = "constant" if padding == "zeros" else padding

    def forward(self, x: Tensor) -> Tensor:
        doubled = functional.interpolate(x, scale_factor=2.0)
        return super().forward(functional.pad(doubled, (1, 2, 1, 2), self.mode))


def norm(planes: int) -> nn.BatchNorm2d:
    """Build a batch normalization with the defaults of Keras."""
    return nn.BatchNorm2d(planes, _EPS, _MOMENTUM)
