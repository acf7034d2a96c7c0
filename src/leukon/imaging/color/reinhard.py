"""Mean and spread along the axes of natural images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import cv2
import numpy as np

from leukon.imaging.color.fitted import Fitted, Planes, density_of, light_of, transformed, triple
from leukon.imaging.color.look import Colors, Floats, Triple

RGB_TO_LMS = np.array([[0.3811, 0.5783, 0.0402], [0.1967, 0.7244, 0.0782], [0.0241, 0.1288, 0.8444]])
LMS_TO_LAB = np.diag([3**-0.5, 6**-0.5, 2**-0.5]) @ np.array([[1, 1, 1], [1, 1, -2], [1, -1, 0]])
GAIN_LIMITS = 0.25, 4.0
_LEAST_LIGHT = 1e-4
_LN10 = float(np.log(10))


@dataclass(frozen=True, slots=True)
class Reinhard(Fitted):
    """Scale and shift each axis of lαβ, the logarithm of the cones' signals turned to be uncorrelated.

    Mean and deviation are matched over the parts of a smear, each counting the same, and not over whole
    images, whose contents differ.
    Source: Reinhard et al., "Color transfer between images", 2001.

    Attributes
    ----------
    gain, shift : (float, float, float)
        Along l, α and β, decadic logarithms.
    """

    name: ClassVar[str] = "reinhard"
    gain: Triple = (1.0, 1.0, 1.0)
    shift: Triple = (0.0, 0.0, 0.0)

    @classmethod
    def fit(cls, source: Colors, target: Colors, *, paired: bool = False) -> Self:  # noqa: ARG003
        """Fit the map that gives `source` the mean and deviation of `target`; pairs add nothing to these."""
        a, b = _lab(source.density), _lab(target.density)
        gain = np.clip(b.std(axis=0) / np.maximum(a.std(axis=0), 1e-3), *GAIN_LIMITS)
        return cls(source.white, target.white, triple(gain), triple(b.mean(axis=0) - gain * a.mean(axis=0)))

    def change(self, density: Planes) -> Planes:
        """Map optical densities, shape (H, W, 3)."""
        lms = np.maximum(transformed(light_of(density), RGB_TO_LMS), np.float32(_LEAST_LIGHT))
        logs = np.asarray(cv2.log(lms), np.float32).reshape(lms.shape)
        back = np.linalg.inv(LMS_TO_LAB)
        mixed = transformed(logs, back @ np.diag(self.gain) @ LMS_TO_LAB, back @ self.shift * _LN10)
        lms = np.asarray(cv2.exp(mixed), np.float32).reshape(lms.shape)
        return density_of(transformed(lms, np.linalg.inv(RGB_TO_LMS)))


def _lab(density: Floats) -> Floats:
    lms = np.maximum(10.0**-density @ RGB_TO_LMS.T, _LEAST_LIGHT)
    return np.asarray(np.log10(lms) @ LMS_TO_LAB.T, np.float64)
