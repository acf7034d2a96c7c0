"""Rays from a point, and the best closed curve around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from leukon.segmentation.stain import Floats, quantile, total

STEEPEST = 2
SMOOTHNESS = 0.35
EDGE_WEIGHT = 2.5
LEAST_SLOPE = 0.08


@dataclass(frozen=True, eq=False, slots=True)
class Rays:
    """Evenly spaced samples on evenly spaced rays.

    Attributes
    ----------
    x, y : ndarray of float32, shape (angles, radii)
        Where the samples lie, in px.
    centre : (float, float)
        x and y of the point.
    step : float
        Distance of two samples, in px.
    """

    x: Floats
    y: Floats
    centre: tuple[float, float]
    step: float

    @classmethod
    def around(cls, x: float, y: float, reach: float, angles: int, radii: int) -> Rays:
        """Spread rays of `reach` px around (x, y)."""
        step = reach / radii
        angle = np.arange(angles, dtype=np.float32)[:, None] * np.float32(2 * np.pi / angles)
        radius = (np.arange(radii, dtype=np.float32)[None] + 0.5) * np.float32(step)
        at_x, at_y = x + np.cos(angle) * radius, y + np.sin(angle) * radius
        return cls(at_x.astype(np.float32), at_y.astype(np.float32), (x, y), step)

    def sample(self, image: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Sample an image: floats between pixels, beyond the edge as at it; masks at the nearest, else 0."""
        if image.dtype == np.float32:
            return np.asarray(
                cv2.remap(image, self.x, self.y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            )
        return np.asarray(cv2.remap(image, self.x, self.y, cv2.INTER_NEAREST))

    def outside(self, height: int, width: int) -> npt.NDArray[np.bool_]:
        """Tell which samples lie outside an image of `height` × `width` px."""
        return np.asarray(
            (self.x < -0.5) | (self.y < -0.5) | (self.x > width - 0.5) | (self.y > height - 0.5)
        )

    def beyond(self, core: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """Return how many samples lie between each one and the last of the ray's that is in `core`."""
        radii = core.shape[1]
        last = np.where(core.any(axis=1), radii - 1 - core[:, ::-1].argmax(axis=1), 0)
        return np.asarray(np.arange(radii)[None] - last[:, None])

    def outline(
        self, cost: Floats, density: Floats, ceiling: npt.NDArray[Any], beyond: npt.NDArray[np.int64]
    ) -> Floats:
        """Return the closed curve that encloses the least cost and runs along edges of the density.

        Parameters
        ----------
        cost : ndarray, shape (angles, radii)
            -1 for what belongs inside … 1 for what does not.
        density : ndarray, shape (angles, radii, 3)
            Sampled optical density.
        ceiling : ndarray, shape (3,)
            Nothing counts as denser: the edge of the nucleus is no edge of the cell.
        beyond : ndarray, shape (angles, radii)
            As from `beyond`; the curve never runs where it is negative.

        Returns
        -------
        ndarray of float32, shape (angles, 2)
            Points (x, y), which may lie outside the image.
        """
        level = cv2.GaussianBlur(np.minimum(density, ceiling.astype(np.float32)), (5, 1), 1.0)
        slope = np.zeros(cost.shape, np.float32)
        slope[:, 1:-1] = total(level[:, 2:] - level[:, :-2])
        slope = np.minimum(slope / max(LEAST_SLOPE, float(quantile(slope.ravel(), 0.9))), 1)
        slope[beyond < 1] = 0
        enclosed = np.cumsum(cost, axis=1) - EDGE_WEIGHT * slope
        enclosed[beyond < 0] = 1e3
        radius = (_closed_path(enclosed.astype(np.float32)) + 1) * self.step
        angle = np.arange(len(cost)) * (2 * np.pi / len(cost))
        x, y = self.centre
        return np.stack([x + np.cos(angle) * radius, y + np.sin(angle) * radius], axis=1).astype(np.float32)


def _closed_path(steps: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """Return the radius index per angle of the cheapest smooth path.

    The path runs around twice, which closes it, and is followed from both ends at once to the middle. The
    half turn on either side of the middle counts.
    """
    angles, radii = steps.shape
    width = 2 * STEEPEST + 1
    penalty = (SMOOTHNESS * np.abs(np.arange(-STEEPEST, STEEPEST + 1, dtype=np.float32)))[:, None, None]
    both = np.stack([steps, steps[::-1]], axis=1)
    padded = np.full((angles, 2, radii + width - 1), np.float32(1e6))
    costs = padded[..., STEEPEST : STEEPEST + radii]
    row, side, item = padded.strides
    windows = np.ndarray((angles, width, 2, radii), np.float32, padded, 0, (row, item, side, item))
    options = np.empty((width, 2, radii), np.float32)
    costs[0] = both[0]
    for reached, cost, step in zip(windows[:-1], costs[1:], both[1:], strict=True):
        np.add(reached, penalty, out=options)
        np.add(np.minimum.reduce(options), step, out=cost)
    half = angles // 2
    picks = (windows[half:] + penalty).argmin(axis=1).tolist()
    after = int((windows[-1, :, 0] + penalty[:, 0] + costs[-1, 1]).min(axis=0).argmin())
    before = after + picks[-1][0][after] - STEEPEST
    second, first = [after], [before]
    for pick in reversed(picks[:-1]):
        second.append(second[-1] + pick[1][second[-1]] - STEEPEST)
        first.append(first[-1] + pick[0][first[-1]] - STEEPEST)
    return np.array(second + first[::-1])
