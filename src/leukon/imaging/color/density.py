"""Nuclei as dense, and of the same hue, as those of another system."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from leukon.errors import InputError
from leukon.imaging.color.fitted import DensityMatrix, balanced, rows
from leukon.imaging.color.look import NUCLEUS, Colors

GAIN_LIMITS = 0.25, 4.0
NUCLEUS_WEIGHT = 9.0
RIDGE = 0.05


@dataclass(frozen=True, slots=True)
class Density(DensityMatrix):
    """Scale optical density until nuclei have the target's, and turn the hues of all parts toward it.

    By Beer and Lambert's law stain, thickness of the smear and the camera's gamma all scale density, and
    nuclei are what every leukocyte has, whatever lies around it. The matrix is the one nearest to that plain
    gain that takes red cells, cytoplasm and nuclei to their places in the target, nuclei first: a weighted
    ridge regression, so that parts of similar colours never turn it upside down. The background stays empty.
    """

    name: ClassVar[str] = "density"

    @classmethod
    def fit(cls, source: Colors, target: Colors, *, paired: bool = False) -> Self:
        """Fit the map that takes `source` to `target`; row by row where they are `paired`.

        Raises
        ------
        InputError
            If one of them shows no nuclei.
        """
        a, b = source.means(), target.means()
        if NUCLEUS not in a or NUCLEUS not in b:
            raise InputError("cannot fit density: no nuclei were found; give images of stained leukocytes")
        gain = np.clip(np.linalg.norm(b[NUCLEUS]) / np.linalg.norm(a[NUCLEUS]), *GAIN_LIMITS)
        if paired:
            x, y = source.density, target.density
            weights = balanced(source.part) * np.where(source.part == NUCLEUS, NUCLEUS_WEIGHT, 1)
        else:
            shared = sorted(a.keys() & b.keys())
            x, y = np.stack([a[i] for i in shared]), np.stack([b[i] for i in shared])
            weights = np.where(np.array(shared) == NUCLEUS, NUCLEUS_WEIGHT, 1) / len(shared)
        moments = (x * weights[:, None]).T @ x
        ridge = RIDGE * np.trace(moments) * np.eye(3)
        matrix = np.linalg.solve(moments + ridge, (x * weights[:, None]).T @ y + gain * ridge).T
        return cls(source.white, target.white, rows(matrix))
