"""Fitting a map to two systems, and the file that keeps it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

import cv2
import numpy as np

from leukon.errors import InputError
from leukon.imaging.color import COLOR_MAPS, ColorMap, map_from_dict, map_to_dict
from leukon.imaging.color.fitted import Fitted
from leukon.imaging.color.identity import Identity
from leukon.imaging.color.look import Colors, Floats, Look, delta_e2000, look_distance, to_value
from leukon.imaging.color.network import NOTE, NetworkMap, open_network, read_network
from leukon.imaging.color.network import SUFFIX as NETWORK_SUFFIX
from leukon.imaging.color.quality import FitQuality
from leukon.registry import look_up
from leukon.storage import write_json

FORMAT = "leukon color map 1"
SUFFIX = ".json"
LEAST_CELLS = 8
LEAST_PAIRS = 8
_PROBE = np.full((8, 8, 3), 200, np.uint8)


@runtime_checkable
class Fittable(Protocol):
    """A kind of map that is fitted in closed form."""

    def fit(self, source: Colors, target: Colors, *, paired: bool = False) -> Fitted:
        """Return the map that takes the colours of `source` to those of `target`."""
        ...


METHODS = tuple(name for name, kind in COLOR_MAPS.items() if isinstance(kind, Fittable))
"""The entries of `COLOR_MAPS` that `fit_map` fits."""


@dataclass(frozen=True, eq=False, slots=True)
class Pairs:
    """Colours of the same pixels in two systems, row by row, from so many pairs of images."""

    source: Colors
    target: Colors
    images: int


@dataclass(frozen=True, slots=True)
class ColorFit:
    """A fitted map, the two looks between which it leads, and how well it fits."""

    map: ColorMap
    source: Look
    target: Look
    quality: FitQuality

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "format": FORMAT,
            "map": map_to_dict(self.map),
            "source": self.source.to_dict(),
            "target": self.target.to_dict(),
            "fit_quality": asdict(self.quality),
        }

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> Self:
        """Build from what `to_dict` returned, or from the same after a trip through JSON.

        Raises
        ------
        InputError
            If it is no such thing, its map is not registered, or its numbers do not fit.
        """
        try:
            if value["format"] != FORMAT:
                raise InputError(f"its format is {value['format']!r}, this Leukon reads {FORMAT!r}")
            source, target = Look.from_dict(value["source"]), Look.from_dict(value["target"])
            fit = cls(map_from_dict(value["map"]), source, target, FitQuality(**value["fit_quality"]))
            # Numbers of the wrong shape show only when they are used.
            fit.map.for_image(_PROBE)(_PROBE)
            look_distance(source, target)
        except (ValueError, AttributeError, TypeError, LookupError, cv2.error) as error:
            reason = "its numbers do not fit" if isinstance(error, cv2.error) else error
            raise InputError(f"not a colour map: {reason}") from error
        return fit


def fit_map(method: str, source: Look, target: Look, pairs: Pairs | None = None) -> ColorFit:
    """Fit a map from the look of one system to that of another.

    Parameters
    ----------
    method : str
        One of `METHODS`.
    source, target : Look
    pairs : Pairs, optional
        The same pixels in both; without them the looks alone are matched.

    Raises
    ------
    UnknownNameError
        If there is no such method.
    InputError
        If a look rests on fewer than `LEAST_CELLS` cells, the pairs are fewer than `LEAST_PAIRS`, or the
        method cannot be fitted to these colours.

    References
    ----------
    The notes of each map.
    """
    kind = look_up("method", method, {name: COLOR_MAPS[name] for name in METHODS})
    for look in (source, target):
        if look.cells < LEAST_CELLS:
            raise InputError(
                f"{look.name} shows {look.cells} whole stained cells in {look.images} usable images: "
                f"a fit needs {LEAST_CELLS} or more"
            )
    if pairs is not None and pairs.images < LEAST_PAIRS:
        raise InputError(
            f"{source.name} and {target.name} have {pairs.images} usable pairs: "
            f"a fit needs {LEAST_PAIRS} or more"
        )
    a, b = (pairs.source, pairs.target) if pairs else (source.colors(), target.colors())
    if not pairs:
        shared = np.intersect1d(a.part, b.part)
        a, b = a.of(shared), b.of(shared)
    assert isinstance(kind, Fittable)
    fitted = kind.fit(a, b, paired=pairs is not None)
    before, after = part_differences(fitted, source, target)
    images = pairs.images if pairs else source.images
    quality = FitQuality("", "", images, float(before.mean()), float(after.mean()))
    return ColorFit(fitted, source, target, quality)


def part_differences(fitted: Fitted, source: Look, target: Look) -> tuple[Floats, Floats]:
    """Return the ΔE2000 of each part that both looks show, without and with the map."""
    first, second = source.part_colors(), target.part_colors()
    shared = sorted(first.keys() & second.keys())
    means = np.array([part.mean for part in source.parts if part is not None], np.float32)
    kept = [i for i, part in enumerate(source.parts) if part is not None]
    mapped = to_value(fitted.change(means[None])[0].astype(np.float64), np.array(fitted.target_white))
    wanted = np.stack([second[i] for i in shared])
    return (
        delta_e2000(np.stack([first[i] for i in shared]), wanted),
        delta_e2000(np.stack([mapped[kept.index(i)] for i in shared]), wanted),
    )


def write_map(path: Path | str, fit: ColorFit) -> None:
    """Write `fit` as JSON, at once or not at all."""
    write_json(path, fit.to_dict())


def read_map(path: Path | str) -> ColorFit:
    """Read what `write_map` wrote, or a network with its record in the metadata.

    Raises
    ------
    InputError
        If the file is missing or holds no map.
    """
    if Path(path).suffix == NETWORK_SUFFIX:
        return _read_network_map(str(path))
    try:
        return ColorFit.from_dict(json.loads(Path(path).read_text(encoding="utf-8")))
    except OSError as error:
        raise InputError(f"cannot read the colour map {path}: {error.strerror}; check the path") from error
    except ValueError as error:
        raise InputError(f"{path} is no colour map ({error}); make one with leukon color fit") from error


def network_record(fit: ColorFit) -> dict[str, Any]:
    """Return what the metadata of a network's file says: all of `fit` but the file itself."""
    record = fit.to_dict()
    for key in ("file", "sha256"):
        del record["map"][key]
    return record


def _read_network_map(file: str) -> ColorFit:
    content = read_network(file)
    notes = open_network(content, file).get_modelmeta().custom_metadata_map
    try:
        record = json.loads(notes[NOTE])
        own = {key: value for key, value in record["map"].items() if key != "name"}
        network = NetworkMap(file, hashlib.sha256(content).hexdigest(), **own)
        return replace(ColorFit.from_dict({**record, "map": map_to_dict(Identity())}), map=network)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{file} is no colour map ({error}); make one with leukon color fit") from error
