"""From a cell to the numbers that a network sees: color → frame → space → scale.

One `Pipeline` serves training and inference. Its four slots have a fixed order, so that hue is never
interpolated and a colour map always sees whole cells. It holds plain numbers only, goes to JSON and back
bit-equal, and never knows whether it is training: augmentation acts before it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from leukon.errors import InputError
from leukon.imaging.color import ColorMap, map_from_dict, map_to_dict
from leukon.imaging.color.background import Background
from leukon.imaging.geometry import cut, resize, square_around
from leukon.imaging.spaces import SPACES, Space
from leukon.imaging.spaces.rgb import Rgb
from leukon.registry import look_up
from leukon.segmentation import cell_mask
from leukon.segmentation.cell import silhouette_of
from leukon.segmentation.cluster_parts import cluster_parts
from leukon.segmentation.morphology import Morphology
from leukon.segmentation.silhouette import MARGIN, SIDE_PX
from leukon.types import Cell, Image

SEEN: dict[str, Callable[..., Space]] = {**SPACES, "morphology": Morphology}
"""What may stand in the slot `space`: the image spaces, and the measurements of the cell."""

ISOLATIONS: dict[str, Callable[[Cell], npt.NDArray[np.bool_]]] = {
    "outline": cell_mask,
    "ekmeans": lambda cell: cluster_parts(cell).whole(cell.image),
}
"""What finds the pixels of a cell, shape (H, W) of its image, by name."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Cut a square around the cell, in proportion to the cell, and resize it.

    Attributes
    ----------
    side_px : int
        Side of what the network sees; a space that makes one sample of several pixels is given more.
    margin : float
        Side of the square as a multiple of the cell's longer side.
    fill : float
        Grey for what lies outside the image, as a share of full scale.
    isolate : str
        Fill what lies around the cell too, as a key of `ISOLATIONS` finds the cell; by default, and where it
        finds nothing, the surroundings stay.
    silhouette : bool
        Add a plane with the cell's silhouette, 0 outside, 0.16 to 0.76 in its cytoplasm, the denser the more,
        1 in its nucleus: what stain, lamp and camera hardly change. It comes after the planes of the space
        and is not scaled.
    """

    side_px: int = 128
    margin: float = 1.4
    fill: float = 0.92
    isolate: str = ""
    silhouette: bool = False


@dataclass(frozen=True, slots=True)
class Scale:
    """Subtract the mean and divide by the standard deviation of each channel."""

    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The four slots.

    Examples
    --------
    >>> from leukon.types import Box
    >>> cell = Cell(np.full((50, 60, 3), 200, np.uint8), Box(10, 10, 40, 40))
    >>> Pipeline().batch([cell]).shape
    (1, 3, 128, 128)
    >>> Pipeline.from_dict(Pipeline().to_dict()) == Pipeline()
    True
    """

    color: ColorMap = field(default_factory=Background)
    frame: Frame = field(default_factory=Frame)
    space: Space = field(default_factory=Rgb)
    scale: Scale = field(default_factory=Scale)

    def batch(self, cells: Sequence[Cell]) -> npt.NDArray[np.float32]:
        """Prepare `cells` for the network.

        Returns
        -------
        ndarray, shape (N, C, H, W)

        Raises
        ------
        InputError
            If the scale has not one mean and one deviation for each channel of the space.
        """
        side, channels = self.frame.side_px, len(self.space.channels)
        if not len(self.scale.mean) == len(self.scale.std) == channels:
            raise InputError(
                f"the space {self.space.name} has {channels} channels, the pipeline's scale "
                f"{len(self.scale.mean)}: fit the scale (fit_scale in a recipe), or give it as many numbers"
            )
        batch = np.empty((len(cells), self.planes, side, side), np.float32)
        mean, std = np.asarray(self.scale.mean, np.float32), np.asarray(self.scale.std, np.float32)
        colour: Callable[[Image], Image] | None = None
        for i, cell in enumerate(cells):
            # Cells of one field follow each other: its background is measured once.
            if colour is None or cell.image is not cells[i - 1].image:
                colour = self.color.for_image(cell.image)
            for k, plane in enumerate(cv2.split(self._in_space(cell, colour))):
                np.subtract(plane, mean[k], out=batch[i, k])
                batch[i, k] /= std[k]
            if self.frame.silhouette:
                batch[i, channels] = self._silhouette(cell)
        return batch

    @property
    def planes(self) -> int:
        """How many planes the network sees."""
        return len(self.space.channels) + self.frame.silhouette

    def prepared(self, cell: Cell) -> Cell:
        """Return `cell` with what the pipeline would otherwise look for in its image every time."""
        if not self.frame.silhouette or cell.silhouette is not None:
            return cell
        return replace(cell, silhouette=silhouette_of(cell))

    def _silhouette(self, cell: Cell) -> npt.NDArray[np.float32]:
        drawn = self.prepared(cell).silhouette
        side = self.frame.side_px
        scale = side * MARGIN / (self.frame.margin * SIDE_PX)
        shift = (side - 1) / 2 - scale * (SIDE_PX - 1) / 2
        placed = np.array([[scale, 0, shift], [0, scale, shift]], np.float32)
        return np.asarray(cv2.warpAffine(drawn, placed, (side, side)), np.float32) / np.float32(255)

    def _in_space(self, cell: Cell, colour: Callable[[Image], Image]) -> npt.NDArray[np.float32]:
        frame = self.frame
        # Maps act on single pixels, or hardly further: mapping what is cut equals cutting what is mapped.
        square = square_around(cell.box, margin=frame.margin)
        side = frame.side_px * self.space.pixels_per_sample
        framed = cut(cell.image, square, fill=frame.fill, colour=colour)
        if frame.isolate:
            mask = look_up("isolation", frame.isolate, ISOLATIONS)(cell).astype(np.uint8)
            inside = cut(cv2.merge([mask] * 3), square, fill=0) > 0
            if inside.any():
                framed = np.where(inside, framed, framed.dtype.type(frame.fill * np.iinfo(framed.dtype).max))
        return self.space.from_rgb(resize(framed, side, side))

    def fit(self, cells: Sequence[Cell]) -> Pipeline:
        """Return this pipeline with its scale measured on `cells`.

        Raises
        ------
        InputError
            If there are no cells.
        """
        if not cells:
            raise InputError("cannot fit a pipeline to no cells: give at least one")
        n = len(self.space.channels)
        plain = replace(self, scale=Scale((0.0,) * n, (1.0,) * n))
        total, squares = np.zeros(n), np.zeros(n)
        for cell in cells:
            values = plain.batch([cell])[:, :n].astype(np.float64)
            total += values.mean(axis=(0, 2, 3))
            squares += (values**2).mean(axis=(0, 2, 3))
        mean = total / len(cells)
        std = np.sqrt(np.maximum(squares / len(cells) - mean**2, 1e-6))
        return replace(self, scale=Scale(tuple(map(float, mean)), tuple(map(float, std))))

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "color": map_to_dict(self.color),
            "frame": asdict(self.frame),
            "space": {"name": self.space.name, **asdict(self.space)},
            "scale": asdict(self.scale),
        }

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> Pipeline:
        """Build from what `to_dict` returned, or from the same after a trip through JSON.

        Raises
        ------
        InputError
            If a slot is missing or malformed.
        UnknownNameError
            If the color map or the space is not registered.
        """
        try:
            space, scale = dict(value["space"]), value["scale"]
            return cls(
                color=map_from_dict(value["color"]),
                frame=Frame(**value["frame"]),
                space=look_up("image space", space.pop("name"), SEEN)(**space),
                scale=Scale(tuple(scale["mean"]), tuple(scale["std"])),
            )
        except (TypeError, AttributeError, ValueError) as error:
            raise InputError(f"not a pipeline: {error}") from error
        except KeyError as error:
            if error.args and str(error.args[0]) in (
                "color",
                "frame",
                "space",
                "scale",
                "name",
                "mean",
                "std",
            ):
                raise InputError(f"not a pipeline: {error.args[0]!r} is missing") from error
            raise
