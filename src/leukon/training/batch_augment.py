"""Augmentation of whole batches on the network's device, at the size and in the space that the network sees.

`leukon.training.augment` changes single captures on the processor; these changes act after the pipeline, on
tensors of shape (N, C, H, W), and on a GPU cost next to nothing. Those that need the final pixels, such as
checkerboard pictures, or two cells at once, such as mixup, are here alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from leukon.errors import InputError
from leukon.imaging.checkerboard import CheckerboardMode, kept_pixels
from leukon.pipeline import Pipeline

LIGHT = "rgb", "raw", "raw_planes", "learned_raw"
"""Spaces whose values are shares of light, which stain and illumination change."""
_DARKEST = 1 / 512
_LIGHT_CHANGES = "stain", "cast", "shading"
_MIXING = "rotate_deg", "zoom", "shift", "stain", "cast", "shading", "blur_px", "noise", "mixup"


@dataclass(frozen=True, slots=True)
class BatchAugmentation:
    """Random changes, drawn anew for every cell and step; 0 switches one off, and all are off by default.

    Attributes
    ----------
    flip : float
        Share of cells mirrored.
    rotate_deg : float
        Largest turn to either side, in degrees.
    zoom, shift : float
        Largest log change of size, and shift as a share of the side; what is left empty is mirrored in.
    stain : float
        Spread of the log strength of each channel's optical density, measured from the background.
    cast, shading : float
        Spread of the log gain of each channel, and largest share by which the light falls off across the
        image, in any direction.
    blur_px : float
        Largest sigma of a Gaussian blur.
    noise : float
        Largest standard deviation of Gaussian noise, in units of the space.
    cutout, cutout_side : float
        Share of cells that lose a square (DeVries & Taylor 2017), and its side as a share of the image's.
    checkerboard : float
        Share of cells replaced by one of their two checkerboard pictures.
    checkerboard_mode : {"complementary", "literal"}
        See `leukon.imaging.checkerboard`.
    mixup, cutmix : float
        Parameter of the Beta distribution that the share of two cells is drawn from (Zhang et al. 2018, Yun
        et al. 2019); where both are on, every batch gets one of them.
    """

    flip: float = 0.0
    rotate_deg: float = 0.0
    zoom: float = 0.0
    shift: float = 0.0
    stain: float = 0.0
    cast: float = 0.0
    shading: float = 0.0
    blur_px: float = 0.0
    noise: float = 0.0
    cutout: float = 0.0
    cutout_side: float = 0.3
    checkerboard: float = 0.0
    checkerboard_mode: CheckerboardMode = "complementary"
    mixup: float = 0.0
    cutmix: float = 0.0

    def check(self, pipeline: Pipeline) -> None:
        """Refuse what has no meaning in the pipeline's space, or no such value.

        Raises
        ------
        InputError
            If light is to change where the values are not light, as of a silhouette, if a hue, which is an
            angle, is to be averaged, or if a number is negative or a share above 1.
        """
        numbers = {name: value for name, value in asdict(self).items() if name != "checkerboard_mode"}
        shares = ("flip", "cutout", "cutout_side", "checkerboard", "shading")
        for name, value in numbers.items():
            if not 0 <= value <= (1 if name in shares else math.inf):
                raise InputError(f"batch.{name} is {value}: give {'0…1' if name in shares else '0 or more'}")
        space = pipeline.space
        unfit = _MIXING if "hue" in space.channels else () if space.name in LIGHT else _LIGHT_CHANGES
        for name in unfit:
            if numbers[name]:
                raise InputError(f"batch.{name} has no meaning in the space {space.name}: set it to 0")
        for name in (*_LIGHT_CHANGES, "noise", "checkerboard") if pipeline.frame.silhouette else ():
            if numbers[name]:
                raise InputError(f"batch.{name} has no meaning for a silhouette: set it to 0")

    def __call__(self, batch: Tensor, pipeline: Pipeline, generator: torch.Generator) -> Tensor:
        """Change every cell of `batch` by itself.

        Parameters
        ----------
        batch : Tensor, shape (N, C, H, W)
            As `pipeline` made it, on any device.
        pipeline : Pipeline
        generator : torch.Generator
            On the CPU. What is drawn does not depend on the batch's device, but for the grain of the noise.
        """
        draw = _Draw(generator, len(batch), batch.device)
        if self.flip or self.rotate_deg or self.zoom or self.shift:
            batch = self._move(batch, draw)
        if self.stain or self.cast or self.shading:
            batch = self._light(batch, pipeline, draw)
        if self.blur_px:
            batch = _blurred(batch, draw.uniform(0, self.blur_px), self.blur_px)
        if self.noise:
            level = draw.uniform(0, self.noise)[:, None] / batch.new_tensor(pipeline.scale.std)
            batch = batch + level[:, :, None, None] * draw.grain(batch)
        if self.cutout:
            lost = (
                _rectangles(draw, self.cutout_side, batch.shape[2:]) & draw.chance(self.cutout)[:, None, None]
            )
            batch = batch.masked_fill(lost[:, None], 0.0)
        if self.checkerboard:
            batch = self._checkered(batch, pipeline, draw)
        return batch

    def mix(
        self, batch: Tensor, labels: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, list[tuple[Tensor, float]]]:
        """Blend every cell of `batch` with another, or paste a rectangle of the other into it.

        Parameters
        ----------
        batch : Tensor, shape (N, C, H, W)
        labels : Tensor of int64, shape (N,)
        generator : torch.Generator
            On the CPU.

        Returns
        -------
        batch : Tensor, shape (N, C, H, W)
        targets : list of (Tensor, float)
            Labels, and the share by which a loss of them counts: of one kind where nothing is mixed, else
            the cells' own and their partners'.
        """
        if not (self.mixup or self.cutmix):
            return batch, [(labels, 1.0)]
        draw = _Draw(generator, len(batch), batch.device)
        partner = torch.randperm(len(batch), generator=generator).to(batch.device)
        pasted = bool(self.cutmix) and (not self.mixup or draw.number() < 0.5)
        share = draw.beta(self.cutmix if pasted else self.mixup)
        if pasted:
            other = _rectangles(draw, math.sqrt(1 - share), batch.shape[2:])[0]
            share = 1 - float(other.float().mean())
            batch = torch.where(other, batch[partner], batch)
        else:
            batch = share * batch + (1 - share) * batch[partner]
        return batch, [(labels, share), (labels[partner], 1 - share)]

    def _move(self, batch: Tensor, draw: _Draw) -> Tensor:
        mirror = torch.where(draw.chance(self.flip), -1.0, 1.0)
        if not (self.rotate_deg or self.zoom or self.shift):
            return torch.where(mirror[:, None, None, None] < 0, batch.flip(3), batch)
        angle = draw.uniform(-1, 1) * math.radians(self.rotate_deg)
        zoom = torch.exp(draw.uniform(-self.zoom, self.zoom))
        cos, sin = torch.cos(angle) / zoom, torch.sin(angle) / zoom
        # Coordinates run from −1 to 1 across the side; the map leads from the new image to the old one.
        x, y = (2 * draw.uniform(-self.shift, self.shift) for _ in range(2))
        rows = torch.stack([cos * mirror, -sin * mirror, x, sin, cos, y], dim=1).view(-1, 2, 3)
        grid = functional.affine_grid(rows, list(batch.shape), align_corners=False)
        return functional.grid_sample(batch, grid, padding_mode="reflection", align_corners=False)

    def _light(self, batch: Tensor, pipeline: Pipeline, draw: _Draw) -> Tensor:
        """Change stain and illumination on shares of light, then scale them as the pipeline does."""
        mean, std = (
            batch.new_tensor(values)[:, None, None] for values in (pipeline.scale.mean, pipeline.scale.std)
        )
        light = (batch * std + mean).clamp_min(_DARKEST)
        channels = batch.shape[1]
        if self.stain:
            # The brightest of 16 × 16 means: the background, wherever it is.
            background = functional.adaptive_avg_pool2d(light, 16).amax(dim=(2, 3), keepdim=True)
            strength = torch.exp(draw.normal(self.stain, channels))
            light = background * (light / background) ** strength
        if self.cast:
            light = light * torch.exp(draw.normal(self.cast, channels))
        if self.shading:
            y, x = (torch.linspace(-0.5, 0.5, side, device=batch.device) for side in batch.shape[2:])
            direction, depth = draw.uniform(0, 2 * math.pi), draw.uniform(0, self.shading)
            across = (
                torch.cos(direction)[:, None, None] * x + torch.sin(direction)[:, None, None] * y[:, None]
            )
            light = light * (1 - depth[:, None, None] * (across + 0.5).clamp(0, 1))[:, None]
        return (light.clamp_max(1.0) - mean) / std

    def _checkered(self, batch: Tensor, pipeline: Pipeline, draw: _Draw) -> Tensor:
        black = pipeline.space.from_rgb(np.zeros((2, 2, 3), np.uint8))[0, 0]
        scaled = (black - np.array(pipeline.scale.mean)) / np.array(pipeline.scale.std)
        fill = batch.new_tensor(scaled)[:, None, None]
        pictures = kept_pixels(batch.shape[2], batch.shape[3], self.checkerboard_mode)
        first, second = (torch.from_numpy(kept).to(batch.device) for kept in pictures)
        kept = torch.where(draw.chance(0.5)[:, None, None], first, second)
        kept = kept | ~draw.chance(self.checkerboard)[:, None, None]
        return torch.where(kept[:, None], batch, fill)


@dataclass(frozen=True, slots=True)
class _Draw:
    """Random numbers for the cells of a batch, drawn on the CPU and moved to its device."""

    generator: torch.Generator
    count: int
    device: torch.device

    def number(self) -> float:
        return float(torch.rand((), generator=self.generator))

    def uniform(self, low: float, high: float) -> Tensor:
        return (low + (high - low) * torch.rand(self.count, generator=self.generator)).to(self.device)

    def chance(self, share: float) -> Tensor:
        return self.uniform(0, 1) < share

    def normal(self, spread: float, channels: int) -> Tensor:
        """Shape (N, C, 1, 1)."""
        drawn = torch.randn(self.count, channels, 1, 1, generator=self.generator)
        return (spread * drawn).to(self.device)

    def beta(self, alpha: float) -> float:
        seed = int(torch.randint(2**31, (), generator=self.generator))
        return float(np.random.default_rng(seed).beta(alpha, alpha))

    def grain(self, batch: Tensor) -> Tensor:
        """Normal noise of the batch's shape, drawn on its own device, where that is fast."""
        seed = int(torch.randint(2**31, (), generator=self.generator))
        own = torch.Generator(self.device).manual_seed(seed)
        return torch.randn(batch.shape, generator=own, device=self.device)


def _rectangles(draw: _Draw, share: float, size: Sequence[int]) -> Tensor:
    """Mark a rectangle of `share` of either side in each image, cut at the border, shape (N, H, W)."""
    rows, columns = (
        (torch.arange(side, device=draw.device) + 0.5 - draw.uniform(0, side)[:, None]).abs()
        < share * side / 2
        for side in size
    )
    return rows[:, :, None] & columns[:, None, :]


def _blurred(batch: Tensor, sigma: Tensor, largest: float) -> Tensor:
    """Blur each image by its own `sigma`, shape (N,), in px."""
    count, channels, height, width = batch.shape
    reach = min(math.ceil(3 * largest), height - 1, width - 1)
    place = torch.arange(-reach, reach + 1, device=batch.device)
    kernel = torch.exp(-0.5 * (place / sigma[:, None].clamp_min(0.05)) ** 2)
    kernel = (kernel / kernel.sum(dim=1, keepdim=True)).repeat_interleave(channels, dim=0)[:, None]
    flat = batch.reshape(1, count * channels, height, width)
    flat = functional.pad(flat, (reach, reach, reach, reach), mode="reflect")
    flat = functional.conv2d(flat, kernel[:, :, :, None], groups=count * channels)
    flat = functional.conv2d(flat, kernel[:, :, None, :], groups=count * channels)
    return flat.view(batch.shape)
