"""The camera's own RGB."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Rgb:
    """Non-linear RGB as the file holds it, each channel in 0…1."""

    name: ClassVar[str] = "rgb"
    channels: ClassVar[tuple[str, ...]] = ("red", "green", "blue")

    def from_rgb(self, rgb: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return `rgb`, shape (H, W, 3), 0…1, unchanged."""
        return rgb
