"""Images of a new imaging system without labels: its colours mapped, its cells looked at from several sides.

An affine map takes the colours of the new system to those that the bundle knows, and a cell's name is that of
the mean over its turned and zoomed views. A gate, learned from the few cells that the bundle replays,
keeps both to the new system's cells.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from leukon.adaptation.adapt import contents_of, fit_gate, knows, refuse_known, second_head
from leukon.adaptation.features import Observer, said_of
from leukon.adaptation.graph import Recolor, with_second_head
from leukon.adaptation.head import Floats, Head
from leukon.bundle import Bundle, Contents
from leukon.errors import InputError
from leukon.imaging.color.affine import Affine
from leukon.imaging.color.background import Background
from leukon.imaging.color.fitting import LEAST_CELLS, ColorFit, fit_map
from leukon.imaging.color.look import LEVEL
from leukon.imaging.color.looks import HOME, LOOKS
from leukon.imaging.spaces.rgb import Rgb
from leukon.segmentation import find_cell, find_leukocytes
from leukon.segmentation.leukocytes import fills_the_middle
from leukon.segmentation.look import measure_look
from leukon.types import Cell, Image

MOST_IMAGES = 200
"""More images teach no more, and take longer."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What adaptation does to the cells that it was made with, of which no class is known.

    Attributes
    ----------
    images, cells : int
    color_before, color_after : float
        Mean ΔE2000 between the parts of the cells and those that the bundle knows; the same where the bundle
        has a pipeline that no map fits into.
    agreement_before, agreement_after : float
        0…1: how often two views of a cell get the same name.
    confidence_before, confidence_after : float
        Mean probability of the name.
    renamed : float
        Share of the cells that get another name.
    recognised : float
        Share of the cells that the gate knows as the new system's.
    """

    images: int
    cells: int
    color_before: float
    color_after: float
    agreement_before: float
    agreement_after: float
    confidence_before: float
    confidence_after: float
    renamed: float
    recognised: float

    @property
    def helps(self) -> bool:
        """Whether the views of a cell agree at least as often: what can be told without labels."""
        return self.agreement_after >= self.agreement_before


@dataclass(frozen=True, eq=False, slots=True)
class Unlabelled:
    """An adapted bundle's contents, and what changes."""

    contents: Contents
    changes: Changes


def adapt_unlabelled(
    bundle: Bundle, images: Sequence[Image], *, name: str, advance: Callable[[int], None] | None = None
) -> Unlabelled:
    """Fit `bundle` to the imaging system of some images.

    Parameters
    ----------
    bundle : Bundle
        Unrestricted.
    images : sequence of ndarray, shape (H, W, 3)
        RGB, uint8 or uint16: fields or single cells.
    name : str
        Name of the new bundle.
    advance : callable, optional
        Told how many images were searched for cells.

    Returns
    -------
    Unlabelled
        On the cells that the bundle replays it answers as before.

    Raises
    ------
    InputError
        If fewer than `LEAST_CELLS` whole cells are found, or they cannot be told from those that the bundle
        replays.
    BundleError
        If the bundle's network does not end in one linear layer.
    """
    cells: list[Cell] = []
    for image in images:
        cells += cells_in(image)
        if advance:
            advance(1)
    if len(cells) < LEAST_CELLS:
        raise InputError(
            f"{len(cells)} whole cells were found in {len(images)} images: adapting needs {LEAST_CELLS}"
        )
    fit = fit_map(Affine.name, measure_look(images, "these images"), LOOKS[HOME])
    off, left = fit.quality.delta_e_before, fit.quality.delta_e_after
    assert off is not None and left is not None
    recolor = recolor_of(bundle, fit)
    old, strange = said_of(bundle, cells)
    plain, mapped = Observer(bundle, abroad=strange), Observer(bundle, recolor=recolor, abroad=strange)
    home, before, after = plain.see(bundle.contents.sample.cells), plain.see(cells), mapped.see(cells)
    gate = fit_gate(before, home)
    refuse_known(gate, home, before)
    new = np.where(knows(gate, before)[:, None], after.averaged()[1], before.as_is()[1])
    changes = Changes(
        images=len(images),
        cells=len(cells),
        color_before=off,
        color_after=left if recolor else off,
        agreement_before=_agreement(before.logits[:, 1:]),
        agreement_after=_agreement(after.logits[:, 1:]),
        confidence_before=_confidence(old),
        confidence_after=_confidence(new),
        renamed=float((old.argmax(axis=1) != new.argmax(axis=1)).mean()),
        recognised=float(knows(gate, before).mean()),
    )
    features, classes = before.features.shape[-1], old.shape[1]
    same = Head(np.zeros((classes, features)), np.zeros(classes), 1.0)
    network = with_second_head(mapped.network, second_head(same, gate, bundle))
    section = _card_section(bundle.name, changes)
    return Unlabelled(contents_of(bundle, name, network, asdict(changes), section), changes)


def cells_in(image: Image) -> list[Cell]:
    """Find the whole cells of an image, shape (H, W, 3): a field, or one cell."""
    found = find_leukocytes(image)
    if (one := find_cell(image)) is not None and fills_the_middle(one.box, *image.shape[:2]):
        found = (one,)
    return [each.cell(image) for each in found if not each.flags]


def recolor_of(bundle: Bundle, fit: ColorFit) -> Recolor | None:
    """Return an affine map as a change of the input of the bundle's network.

    None where the bundle's pipeline does not balance the background of RGB.
    """
    pipeline = bundle.contents.pipeline
    if not isinstance(pipeline.color, Background) or not isinstance(pipeline.space, Rgb):
        return None
    assert isinstance(fit.map, Affine)
    mean, sd = np.array(pipeline.scale.mean), np.array(pipeline.scale.std)
    matrix, white = np.array(fit.map.matrix), pipeline.color.target + LEVEL
    offset = matrix @ (mean + LEVEL) + white * np.array(fit.map.offset) - LEVEL
    whole = np.eye(pipeline.planes, dtype=np.float32)  # a silhouette has no colour
    whole[:3, :3] = matrix * sd / sd[:, None]
    others = 0, pipeline.planes - 3
    return Recolor(
        matrix=whole,
        offset=np.pad((offset - mean) / sd, others).astype(np.float32),
        low=np.pad(-mean / sd, others).astype(np.float32),
        high=np.pad((1 - mean) / sd, others, constant_values=1).astype(np.float32),
    )


def _agreement(logits: npt.NDArray[np.float32]) -> float:
    """Return how often two of the views, shape (N, V, K), get the same name."""
    names = logits.argmax(axis=2)
    first, second = np.triu_indices(names.shape[1], 1)
    return float((names[:, first] == names[:, second]).mean())


def _confidence(logits: Floats) -> float:
    return float(softmax(logits, axis=1).max(axis=1).mean())


def _card_section(origin: str, changes: Changes) -> str:
    return (
        f"## Adapted\n\nFrom `{origin}`, with {changes.cells} cells of another imaging system, unlabelled: "
        f"{changes.renamed:.0%} of them get another name, and two views of a cell agree in "
        f"{changes.agreement_after:.1%} of cases, before in {changes.agreement_before:.1%}. Other figures of "
        "this card are those before adapting; cells that the gate takes for those of the systems "
        "known before are answered as before.\n"
    )
