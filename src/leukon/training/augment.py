"""Augmentation: another microscope, stain, camera and hand, imitated on the capture's own pixels.

It acts before the pipeline, which never knows whether it is training.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import cos, pi, sin
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from leukon.imaging.color.background import background_level
from leukon.imaging.unprocess import add_noise, draw_noise, draw_unprocessing
from leukon.segmentation.silhouette import LEAST_CYTOPLASM, LEAST_NUCLEUS, NUCLEUS
from leukon.types import Box, Cell, Image

# 256 levels as optical density; half a level keeps black finite.
_DENSITY_OF_LEVEL = (-np.log10((np.arange(256) + 0.5) / 255.5)).astype(np.float32)
_CANVAS = 2.0  # side of the augmented image as a multiple of the cell's
_TONE = 0.08  # spread of the cytoplasm's level in silhouettes
_REDRAWN = 0.6  # share of silhouettes whose parts grow or shrink
_BENDS = 5  # nodes a side of the grid that elastic changes are drawn on
# Optical density of azure B on chromatin, of eosin, and of methylene blue on cytoplasm: red, green, blue.
_DYES = np.array([[0.55, 0.80, 0.22], [0.10, 0.75, 0.60], [0.35, 0.25, 0.15]]).T
_OF_DYES = np.linalg.inv(_DYES)
_STRENGTHS = "elastic", "crosstalk", "saturation", "stain", "dyes", "cast", "gamma", "blur_px", "noise"


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Ranges of the random changes; every one is drawn anew for every cell and epoch.

    Attributes
    ----------
    extent : str
        Which changes are made: ``"all"``; ``"geometry"``, turning, mirroring, zoom and shift alone, as the
        papers do; ``"none"``.
    zoom, stretch, shift : float
        How far the cell's apparent size (log scale), aspect (log scale) and centre (share of the box)
        stray: no two finders draw the same box.
    elastic : float
        Spread of the displacements of a coarse grid, as a share of the cell's side: no two nuclei are lobed
        alike.
    crosstalk : float
        Spread of the off-diagonal terms that mix the optical densities of the three channels, as another
        camera and lamp do.
    saturation : float
        Spread of the share by which the three channels' densities draw apart or together.
    grey : float
        Share of cells that lose all hue, so that lobes, chromatin and granules are learnt too.
    blown : float
        Share of cells whose highlights are lost to over-exposure.
    stain : float
        Spread of the log strength of each channel's optical density: another stain, time or thickness.
    dyes : float
        Spread of the log strength of each dye, and of the eosin that chromatin's dye brings along: another
        stain or pH turns all cytoplasm pink or blue, so that its hue alone names no cell.
    cast, gamma : float
        Spread of the log gain of each channel, and of the log exponent of the tone curve.
    soft : float
        Share of cells that are blurred.
    blur_px, noise, coarse : float
        Largest Gaussian sigma (relative to a 128 px wide cell), noise (share of full scale), and factor of
        lost resolution.
    tight : float
        Share of cells whose surroundings are cut off, as in tightly cropped data sets.
    jpeg : float
        Share of cells compressed once more.
    sensor : float
        Share of cells that are unprocessed to a random camera's linear signal, get its shot and read noise,
        and are developed as another camera would (Brooks et al. 2019).
    plain : float
        Share of cells that get no colour change at all, so that the training system stays sharp.
    """

    extent: Literal["all", "geometry", "none"] = "all"
    zoom: float = 0.15
    stretch: float = 0.05
    shift: float = 0.05
    elastic: float = 0.0
    crosstalk: float = 0.18
    saturation: float = 0.25
    grey: float = 0.0
    blown: float = 0.25
    stain: float = 0.35
    dyes: float = 0.0
    cast: float = 0.12
    gamma: float = 0.30
    soft: float = 0.35
    blur_px: float = 2.5
    noise: float = 0.03
    coarse: float = 3.0
    tight: float = 0.25
    jpeg: float = 0.2
    sensor: float = 0.0
    plain: float = 0.15

    def scaled(self, factor: float) -> Augmentation:
        """Return changes of colour, sharpness and grain `factor` times as strong, made to every cell."""
        return replace(
            self,
            extent="all",
            plain=0.0,
            coarse=1 + factor * (self.coarse - 1),
            **{name: factor * getattr(self, name) for name in _STRENGTHS},
        )

    def __call__(self, cell: Cell, rng: np.random.Generator) -> Cell:
        """Return a changed copy of `cell`; its image is 8-bit and about twice as wide as the cell."""
        if self.extent == "none":
            return cell
        moved = self._move(cell, rng)
        if cell.silhouette is not None:
            moved = replace(moved, silhouette=self._reshape(cell.silhouette, rng))
        image = in_eight_bits(moved.image)
        if self.extent == "all":
            if rng.random() >= self.plain:
                image = self._recolour(image, rng)
            if self.sensor and rng.random() < self.sensor:
                image = through_another_camera(image, rng)
            image = self._degrade(image, moved.box.side_px, rng)
        return replace(moved, image=image, name=cell.name, flags=cell.flags)

    def _move(self, cell: Cell, rng: np.random.Generator) -> Cell:
        image, box = cell.image, cell.box
        side = max(8, round(_CANVAS * box.side_px))
        placed = self._placement(box, side, rng)
        fill = tuple(float(v) for v in background_level(image))
        # Where the image ends, half the time its mirror image goes on, half the time empty background.
        border = cv2.BORDER_REFLECT_101 if rng.random() < 0.5 else cv2.BORDER_CONSTANT
        warped = cv2.warpAffine(
            image,
            placed,
            (side, side),
            flags=cv2.INTER_LINEAR,
            borderMode=border,
            borderValue=fill,
        )
        if self.elastic:
            warped = self._bend(warped, box.side_px, rng)
        low, high = (side - box.side_px) / 2, (side + box.side_px) / 2
        whole = Box(low, low, high, high)
        if rng.random() >= self.tight:
            return Cell(warped, whole)
        edge = max(0, round(low - rng.uniform(-0.02, 0.15) * box.side_px))
        kept = np.ascontiguousarray(warped[edge : side - edge, edge : side - edge])
        return Cell(kept, Box(low - edge, low - edge, high - edge, high - edge))

    def _placement(self, box: Box, side: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
        """Draw how a cell lies in the middle of a square: an affine map, shape (2, 3)."""
        angle, mirror = rng.uniform(0, 2 * pi), rng.choice((-1.0, 1.0))
        zoom = np.exp(rng.uniform(-self.zoom, self.zoom))
        stretch = np.exp(rng.uniform(-self.stretch, self.stretch))
        turn = np.array([[cos(angle), -sin(angle)], [sin(angle), cos(angle)]])
        linear = turn @ np.diag([zoom * stretch * mirror, zoom / stretch])
        shift = rng.uniform(-self.shift, self.shift, 2) * box.side_px
        offset = side / 2 + shift - linear @ box.centre
        return np.column_stack([linear, offset]).astype(np.float32)

    def _reshape(self, silhouette: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
        """Move a silhouette apart from the image; its parts grow or shrink, its tone changes."""
        side = silhouette.shape[0]
        reach = side / 2 / _CANVAS
        box = Box(side / 2 - reach, side / 2 - reach, side / 2 + reach, side / 2 + reach)
        moved: Image = cv2.warpAffine(silhouette, self._placement(box, side, rng), (side, side))
        if self.elastic:
            moved = self._bend(moved, box.side_px, rng)
        cytoplasm = moved[(moved > LEAST_CYTOPLASM) & (moved < LEAST_NUCLEUS)]
        level = float(np.median(cytoplasm)) if len(cytoplasm) else 0.0
        parts = [moved > level / 2, moved > (level + NUCLEUS) / 2]
        level = min(level * np.exp(rng.normal(0, _TONE)), LEAST_NUCLEUS - 1)
        if rng.random() < _REDRAWN:
            sigma = rng.uniform(0.5, 2.5)
            parts = [
                cv2.GaussianBlur(part.astype(np.float32), (0, 0), sigma) > rng.uniform(0.3, 0.7)
                for part in parts
            ]
        return np.where(parts[1], NUCLEUS, level * parts[0]).astype(np.uint8)

    def _bend(self, image: Image, cell_px: float, rng: np.random.Generator) -> Image:
        side = image.shape[0]
        nodes = rng.normal(0, self.elastic * cell_px, (_BENDS, _BENDS, 2)).astype(np.float32)
        shifts = cv2.resize(nodes, (side, side), interpolation=cv2.INTER_CUBIC)
        shifts[..., 0] += np.arange(side, dtype=np.float32)
        shifts[..., 1] += np.arange(side, dtype=np.float32)[:, None]
        bent: Image = cv2.remap(image, shifts, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        return bent

    def _recolour(self, image: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
        mix = np.eye(3) + rng.normal(0, self.crosstalk, (3, 3)) * (1 - np.eye(3))
        grey = float(np.clip(rng.normal(0, self.saturation), -0.5, 0.7))
        if self.grey and rng.random() < self.grey:
            grey = 1.0
        mix = (1 - grey) * mix + grey / 3
        mix /= mix.sum(axis=1, keepdims=True)  # grey stays grey: the background's cast is drawn below
        mix *= np.exp(rng.normal(0, self.stain, 3) * 0.6 + rng.normal(0, self.stain))[:, None]
        if self.dyes:
            strength = np.diag(np.exp(rng.normal(0, self.dyes, 3)))
            strength[1, 0] = max(0.0, rng.normal(0, self.dyes))
            mix = mix @ _DYES @ strength @ _OF_DYES
        level = np.clip(background_level(image), 32, 255)
        background = -np.log10(level / 255.5)
        gain = np.exp(rng.normal(0, self.cast, 3) + rng.normal(-0.05, 0.12))
        gamma = np.exp(rng.normal(0, self.gamma))
        # Densities are measured from the background, which stays put under a change of stain.
        densities = cv2.LUT(image, _DENSITY_OF_LEVEL)
        density = cv2.transform(densities, np.column_stack([mix, -mix @ background]))
        if rng.random() < self.blown:
            density = np.maximum(density - np.float32(rng.uniform(0.01, 0.08)), -0.01) * np.float32(1.15)
        shade = np.clip((level / 255 * gain) ** gamma, 0.15, 1.1)
        light = cv2.exp(np.clip(density, -0.4, 2.4) * np.float32(-gamma * np.log(10)))
        # A diagonal transform scales the channels ten times as fast as broadcasting does.
        return np.asarray(cv2.convertScaleAbs(cv2.transform(light, np.diag(255 * shade))))

    def _degrade(
        self, image: npt.NDArray[np.uint8], cell_px: float, rng: np.random.Generator
    ) -> npt.NDArray[np.uint8]:
        height, width = image.shape[:2]
        if rng.random() < 0.35:
            factor = rng.uniform(1.2, self.coarse)
            small = max(4, round(width / factor)), max(4, round(height / factor))
            image = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
            image = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
        if rng.random() < self.soft:
            sigma = rng.uniform(0.3, self.blur_px) * cell_px / 128
            image = cv2.GaussianBlur(image, (0, 0), max(sigma, 0.2))
        elif rng.random() < 0.25:
            soft = cv2.GaussianBlur(image, (0, 0), max(cell_px / 128, 0.2))
            amount = rng.uniform(0.3, 1.2)
            image = cv2.addWeighted(image, 1 + amount, soft, -amount, 0)
        if rng.random() < 0.3:
            noise = np.empty(image.shape, np.float32)
            cv2.setRNGSeed(int(rng.integers(2**31)))  # of this thread alone
            cv2.randn(noise, 0, 255 * rng.uniform(0, self.noise))
            image = np.asarray(cv2.add(image, noise, dtype=cv2.CV_8U), np.uint8)
        if rng.random() < self.jpeg:
            quality = int(rng.integers(35, 90))
            _, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
            image = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR_RGB), np.uint8)
        return image


def through_another_camera(image: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Unprocess `image` to one random camera, add noise to its signal, and develop that as another."""
    shot, read = draw_noise(rng)
    raw = add_noise(draw_unprocessing(rng).unprocess(image), shot, read, rng)
    rgb = draw_unprocessing(rng).process(np.clip(raw, 0, 1))
    return (rgb * 255 + 0.5).astype(np.uint8)


def in_eight_bits(image: Image) -> npt.NDArray[np.uint8]:
    """Return `image` as uint8; 16-bit values lose their low byte."""
    return (image // (257 if image.dtype == np.uint16 else 1)).astype(np.uint8, copy=False)
