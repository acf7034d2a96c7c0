"""What comes out of a run: cells found in fields, images named, and where the figures come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from leukon.types.differential import Differential, Skipped
from leukon.types.image import Box
from leukon.types.prediction import Prediction, Status
from leukon.types.taxonomy import Taxonomy


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a result was made with.

    Attributes
    ----------
    bundle, bundle_version, bundle_sha256 : str
        The classifier; empty where it does not say.
    leukon : str
        Version of Leukon.
    created : str
        Time of the run, ISO 8601 in UTC.
    settings : tuple of (str, str)
        Names and values of the settings of the run.
    inputs : int
        Number of images that were given.
    """

    bundle: str
    bundle_version: str
    bundle_sha256: str
    leukon: str
    created: str
    settings: tuple[tuple[str, str], ...] = ()
    inputs: int = 0


@dataclass(frozen=True, eq=False, slots=True)
class FoundCell:
    """A cell of a field: its box in px, what the classifier says, and a JPEG of it."""

    box: Box
    prediction: Prediction
    thumbnail: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, eq=False, slots=True)
class FieldResult:
    """What was found in one field.

    Attributes
    ----------
    name : str
        The field, as in every output.
    width_px, height_px : int
        Size of the image; 0 where it could not be read.
    cells : tuple of FoundCell
        From top to bottom.
    remarks : tuple of str
        Faults of the image, as plain phrases.
    skipped : str
        Why the field could not be used; else empty.
    preview : bytes
        A JPEG of the whole field, small; empty past the first hundred fields.
    """

    name: str
    width_px: int = 0
    height_px: int = 0
    cells: tuple[FoundCell, ...] = ()
    remarks: tuple[str, ...] = ()
    skipped: str = ""
    preview: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, eq=False, slots=True)
class Analysis:
    """The result of `leukon.analyze`.

    Attributes
    ----------
    differential : Differential
    fields : sequence of FieldResult
        In the order of the inputs. With a journal they are read back from it when asked for, so that
        memory does not grow with their number.
    taxonomy : Taxonomy
        The classes, in the order of the probabilities.
    provenance : Provenance
    """

    differential: Differential
    fields: Sequence[FieldResult]
    taxonomy: Taxonomy
    provenance: Provenance


@dataclass(frozen=True, eq=False, slots=True)
class NamedImage:
    """What was said of an image that holds one cell.

    Attributes
    ----------
    name : str
        The image, as in every output.
    prediction : Prediction or None
        None where the image could not be read or holds no cell.
    fault : str
        Why there is no prediction; else empty.
    is_readable : bool
        Whether the file held an image at all.
    """

    name: str
    prediction: Prediction | None = None
    fault: str = ""
    is_readable: bool = True

    @property
    def status(self) -> Status:
        """Status of the prediction; ``"excluded"`` where there is none."""
        return self.prediction.status if self.prediction else "excluded"

    @property
    def reason(self) -> str:
        """Why the status is not ``"ok"``; else empty."""
        return self.prediction.reason if self.prediction else self.fault


@dataclass(frozen=True, eq=False, slots=True)
class Classification:
    """The result of `leukon.classify`.

    Attributes
    ----------
    images : sequence of NamedImage
        In the order of the inputs.
    skipped : tuple of Skipped
        Those that could not be read.
    taxonomy : Taxonomy
        The classes, in the order of the probabilities.
    provenance : Provenance
    """

    images: Sequence[NamedImage]
    skipped: tuple[Skipped, ...]
    taxonomy: Taxonomy
    provenance: Provenance
