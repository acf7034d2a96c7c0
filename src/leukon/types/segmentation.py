"""What the segmentation of an image into leukocytes found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from leukon.types.image import Box


@dataclass(frozen=True, slots=True)
class SegmentedCell:
    """A leukocyte of an image.

    Attributes
    ----------
    box : Box
        The whole cell, in px.
    flags : tuple of str
        ``"border"``: cut by the edge of the image; ``"broken"``: a smudge or bare, frayed nucleus.
    measurements : mapping of str to float
        As from `leukon.segmentation.cell_measurements`, in px.
    """

    box: Box
    flags: tuple[str, ...]
    measurements: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class SegmentedImage:
    """What was found in one image.

    Attributes
    ----------
    name : str
        The image, as in every output.
    cells : tuple of SegmentedCell
        From top to bottom.
    fault : str
        Why there is no cell; else empty.
    is_usable : bool
        Whether a mask was written, be it empty.
    """

    name: str
    cells: tuple[SegmentedCell, ...] = ()
    fault: str = ""
    is_usable: bool = True
