"""Image spaces: what the numbers that reach the network mean.

Adding one is one file and one line in `SPACES`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import Field
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from leukon.imaging.spaces.hsv import Hsv
from leukon.imaging.spaces.rgb import Rgb


class Space(Protocol):
    """A space: a frozen dataclass of plain numbers with a name."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    name: ClassVar[str]
    channels: ClassVar[tuple[str, ...]]

    def from_rgb(self, rgb: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Convert RGB, shape (H, W, 3), 0…1, to shape (H, W, number of channels)."""
        ...


SPACES: dict[str, Callable[..., Space]] = {
    "rgb": Rgb,
    "hsv": Hsv,
}
