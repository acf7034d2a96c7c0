"""What a shipped model holds, and how it lies in its file.

A bundle is one zip file:

``bundle.json``
    name, version, taxonomy, pipeline, calibration, provenance, and the SHA-256 of every other member
``model.onnx``
    the network: input ``batch`` (N, C, H, W) float32, outputs ``logits`` (N, K) and, where the calibration
    knows novelty, ``embedding`` (N, D) and perhaps ``abroad`` (N, K), the logits for cells of a strange
    imaging system
``sample.npz``
    cells with the probabilities that they must give, replayed on every load
``card.json``, ``card.md``
    the measured scores and limits, for programs and for people

Nothing in it is ever executed.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from leukon.errors import BundleError, InputError, UnknownNameError
from leukon.pipeline import Pipeline
from leukon.storage import json_text, write_bytes
from leukon.types import Box, Cell, CellClass, Taxonomy

FORMAT = 1
MEMBERS = "model.onnx", "sample.npz", "card.json", "card.md"
MAX_MEMBER_BYTES = 2_000_000_000  # an ONNX file in one piece holds no more than 2 GiB
SUFFIX = ".leukon"
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    KeyError,
    TypeError,
    ValueError,
    OSError,
    NotImplementedError,
)


@dataclass(frozen=True, slots=True)
class Novelty:
    """What a network was trained on, to know what is unlike it.

    A cell's novelty is the squared distance of its embedding from the nearest centre (Mahalanobis, with one
    covariance for all classes: Lee et al. 2018), in units of which 99 of 100 validation cells stay below 1.

    Attributes
    ----------
    centres : tuple of M tuples of D float
        Mean embeddings of the training cells of each class.
    usual : float
        Median novelty of an imaging system's cells up to which probabilities hold; beyond it, logits are
        divided by how many times it is exceeded.
    """

    centres: tuple[tuple[float, ...], ...]
    usual: float

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Novelty:
        """Return what `dataclasses.asdict` was given, by way of JSON."""
        return cls(tuple(tuple(map(float, row)) for row in values["centres"]), float(values["usual"]))


@dataclass(frozen=True, slots=True)
class Calibration:
    """How scores become probabilities and when a cell stays without a name.

    Attributes
    ----------
    temperature : float
        Logits are divided by it before the softmax; above 0.
    threshold : float
        Cells whose highest probability is below are *unidentified*; 0…1.
    confusion : tuple of K tuples of K + 1 int
        Validation cells by true class and by name, the unidentified last; empty where it was not measured.
    coverage : float
        Share of the cells of each class whose prediction set shall hold it, 0…1.
    floors : tuple of K float
        Probabilities from which the classes are in the set; empty where they were not fitted.
    novelty : Novelty or None
        None where it was not fitted.
    """

    temperature: float = 1.0
    threshold: float = 0.5
    confusion: tuple[tuple[int, ...], ...] = ()
    coverage: float = 0.95
    floors: tuple[float, ...] = ()
    novelty: Novelty | None = None

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Calibration:
        """Return what `dataclasses.asdict` was given, by way of JSON."""
        confusion = tuple(tuple(int(n) for n in row) for row in values.get("confusion", ()))
        floors, novelty = tuple(values.get("floors", ())), values.get("novelty")
        known = None if novelty is None else Novelty.from_dict(novelty)
        return cls(**{**values, "confusion": confusion, "floors": floors, "novelty": known})


@dataclass(frozen=True, eq=False, slots=True)
class Sample:
    """Cells and the probabilities that they gave when the bundle was made, shape (N, K)."""

    cells: tuple[Cell, ...]
    probabilities: npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False, slots=True)
class Contents:
    """Everything in a bundle."""

    name: str
    version: str
    taxonomy: Taxonomy
    pipeline: Pipeline
    calibration: Calibration
    provenance: dict[str, Any]
    onnx: bytes
    sample: Sample
    card: dict[str, Any]
    card_text: str


def write_bundle(path: Path, contents: Contents) -> None:
    """Write `contents` to `path` at once or not at all; the same contents give the same bytes."""
    members = {
        "model.onnx": contents.onnx,
        "sample.npz": _pack_sample(contents.sample),
        "card.json": json_text(contents.card).encode(),
        "card.md": contents.card_text.encode(),
    }
    header = {
        "format": FORMAT,
        "name": contents.name,
        "version": contents.version,
        "taxonomy": [asdict(c) for c in contents.taxonomy.classes],
        "pipeline": contents.pipeline.to_dict(),
        "calibration": asdict(contents.calibration),
        "provenance": contents.provenance,
        "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in members.items()},
    }
    members["bundle.json"] = json_text(header).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(members):
            # ZipInfo's fixed date keeps the bytes reproducible.
            archive.writestr(zipfile.ZipInfo(name), members[name], zipfile.ZIP_DEFLATED)
    write_bytes(path, buffer.getvalue())


def read_bundle(path: Path) -> tuple[Contents, str]:
    """Read a bundle and check every member against its hash.

    Returns
    -------
    contents : Contents
    sha256 : str
        Hash of the whole file.

    Raises
    ------
    BundleError
        If the file is missing, is no bundle, or is damaged.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BundleError(f"cannot read bundle {path}: {error.strerror}; check the path") from error
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(info.file_size for info in archive.infolist()) > MAX_MEMBER_BYTES:
                raise BundleError(f"{path} is not a bundle: its members exceed {MAX_MEMBER_BYTES:,} bytes")
            header = json.loads(archive.read("bundle.json"))
            if header["format"] != FORMAT:
                raise BundleError(
                    f"{path} has bundle format {header['format']!r}, this Leukon reads {FORMAT}: "
                    "install the Leukon that wrote it, or export it again"
                )
            members = {name: archive.read(name) for name in MEMBERS}
        for name, content in members.items():
            if hashlib.sha256(content).hexdigest() != header["sha256"][name]:
                raise BundleError(f"{path} is damaged: {name} does not match its hash; copy it again")
        contents = Contents(
            name=header["name"],
            version=header["version"],
            taxonomy=Taxonomy(tuple(CellClass(**c) for c in header["taxonomy"])),
            pipeline=Pipeline.from_dict(header["pipeline"]),
            calibration=Calibration.from_dict(header["calibration"]),
            provenance=header["provenance"],
            onnx=members["model.onnx"],
            sample=_unpack_sample(members["sample.npz"]),
            card=json.loads(members["card.json"]),
            card_text=members["card.md"].decode(),
        )
    except BundleError:
        raise
    except (InputError, UnknownNameError) as error:
        raise BundleError(f"{path} cannot be used: {error}") from error
    except _DAMAGE as error:
        raise BundleError(f"{path} is not a bundle, or is damaged ({error}): copy it again") from error
    return contents, hashlib.sha256(data).hexdigest()


def _pack_sample(sample: Sample) -> bytes:
    arrays: dict[str, npt.NDArray[Any]] = {"probabilities": sample.probabilities}
    for i, cell in enumerate(sample.cells):
        box = cell.box
        arrays[f"image{i}"] = cell.image
        arrays[f"box{i}"] = np.array([box.x0, box.y0, box.x1, box.y1], np.float64)
        if cell.silhouette is not None:
            arrays[f"silhouette{i}"] = cell.silhouette
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, np.ascontiguousarray(array), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), content.getvalue())
    return buffer.getvalue()


def _unpack_sample(data: bytes) -> Sample:
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        probabilities = arrays["probabilities"]
        cells = tuple(
            Cell(
                arrays[f"image{i}"],
                Box(*arrays[f"box{i}"].tolist()),
                silhouette=arrays.get(f"silhouette{i}"),
            )
            for i in range(len(probabilities))
        )
    return Sample(cells, probabilities)
