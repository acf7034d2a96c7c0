"""The plain normalization of microscope pictures: background to a set grey, nuclei with more contrast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from leukon.imaging.color.fitted import Fitted, Planes, transformed
from leukon.imaging.color.look import Colors

FEATHER = 0.25, 0.5


@dataclass(frozen=True, slots=True)
class Plain(Fitted):
    """Scale each channel so that the background takes a set colour; deepen nuclei and turn their hue.

    Nuclei are told by their density along the nuclear axis (red + green - blue), feathered in colour, where
    the publication feathers a mask. Its sharpening looks at neighbours, so it is no map of colours and is
    left out.
    Source: the plain normalization that the colour normalization work describes; its numbers are a
    reconstruction.

    Attributes
    ----------
    contrast : float
        Gain of density in nuclei.
    hue_degrees : float
        Turn of density about the grey axis in nuclei, red toward green.
    """

    name: ClassVar[str] = "plain"
    contrast: float = 1.2
    hue_degrees: float = 3.0

    @classmethod
    def fit(cls, source: Colors, target: Colors, *, paired: bool = False) -> Self:  # noqa: ARG003
        """Take the background of `target`; nothing else is fitted."""
        return cls(source.white, target.white)

    def change(self, density: Planes) -> Planes:
        """Map optical densities, shape (H, W, 3)."""
        nuclear = transformed(density, np.full((3, 3), (1.0, 1.0, -1.0)))
        weight = np.clip((nuclear - FEATHER[0]) / (FEATHER[1] - FEATHER[0]), 0, 1)
        turned = transformed(density, self.contrast * _turn(np.radians(self.hue_degrees)))
        return np.asarray(density + weight * (turned - density), np.float32)


def _turn(angle: float) -> np.ndarray:
    """Return the rotation of (red, green, blue) about the grey axis (Rodrigues)."""
    k = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    return np.asarray(np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * k @ k)
