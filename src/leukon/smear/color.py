"""Bringing the images of a run to the look that its classifier knows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from leukon.errors import InputError
from leukon.imaging.color import ColorMap, map_to_dict
from leukon.imaging.color.fitting import ColorFit, fit_map, read_map
from leukon.imaging.color.identity import Identity
from leukon.imaging.color.look import Look, look_distance
from leukon.imaging.color.looks import HOME, LOOKS
from leukon.segmentation.look import SAME_SYSTEM, measure_look, unlike
from leukon.smear.sources import Source
from leukon.types import Image

AUTO = "auto"
METHOD = "density"
MOST_IMAGES = 40
Choice = ColorFit | Path | str | None


@dataclass(frozen=True, slots=True)
class Recoloring:
    """The map that every image of a run goes through before its cells are named.

    Attributes
    ----------
    map : ColorMap
    done : str
        What was recognised and done, for the reader of the results; empty where nothing was asked for.
    warning : str
        What speaks against it; else empty.
    """

    map: ColorMap
    done: str = ""
    warning: str = ""

    def __call__(self, image: Image) -> Image:
        """Map `image`, shape (H, W, 3)."""
        return self.map.for_image(image)(image)

    @property
    def settings(self) -> dict[str, str]:
        """What provenance says."""
        return {"colour": self.done} if self.done else {}

    @property
    def purpose(self) -> str:
        """Tell everything that results depend on; empty where colours stay as they are."""
        return "" if isinstance(self.map, Identity) else " color " + json.dumps(map_to_dict(self.map))


def recoloring(choice: Choice, sources: Sequence[Source]) -> Recoloring:
    """Choose the map for `sources`.

    Parameters
    ----------
    choice : ColorFit, path-like, "auto" or None
        A map or its file; ``"auto"`` recognises the imaging system by its look and, where none is known,
        fits a map to the images at hand; None leaves colours alone.
    sources : sequence of Source

    Raises
    ------
    InputError
        If the file holds no map.
    """
    if choice is None:
        return Recoloring(Identity())
    if choice == AUTO:
        return _automatic(sources)
    fit = choice if isinstance(choice, ColorFit) else read_map(choice)
    done = f"{fit.map.name} from {fit.source.name} to {fit.target.name}"
    return Recoloring(fit.map, done, unlike(_some(sources), fit.source))


def _automatic(sources: Sequence[Source]) -> Recoloring:
    home = LOOKS[HOME]
    try:
        look = measure_look(_some(sources), "these images")
    except InputError:
        return Recoloring(Identity(), "no map: no stained cell was seen to measure the colours on")
    near, system = min((look_distance(look, known), name) for name, known in LOOKS.items())
    if near <= SAME_SYSTEM and system == HOME:
        return Recoloring(Identity(), f"no map: the images look like {HOME} (ΔE {near:.1f})")
    recognised = f"recognised {system}" if near <= SAME_SYSTEM else "unknown imaging system"
    return _fitted(LOOKS[system] if near <= SAME_SYSTEM else look, home, recognised)


def _fitted(look: Look, home: Look, recognised: str) -> Recoloring:
    try:
        fit = fit_map(METHOD, look, home)
    except InputError as error:
        return Recoloring(Identity(), f"no map: {recognised}; {error}", str(error))
    quality = fit.quality
    return Recoloring(
        fit.map,
        f"{recognised}; {METHOD} to {home.name}, fitted on {quality.images} images without labels: "
        f"parts differ by ΔE {quality.delta_e_after:.1f}, before {quality.delta_e_before:.1f}",
    )


def _some(sources: Sequence[Source]) -> Iterator[Image]:
    """Read some of `sources`, spread evenly; those that cannot be read are reported where they are used."""
    count = min(MOST_IMAGES, len(sources))
    for i in range(count):
        try:
            yield sources[i * len(sources) // count].read()
        except InputError:
            continue
