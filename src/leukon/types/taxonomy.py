"""The classes that a classifier tells apart, and how each counts in a differential."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from leukon.errors import InputError, UnknownNameError

Role = Literal["leukocyte", "erythroblast", "platelet", "artefact"]


@dataclass(frozen=True, slots=True)
class CellClass:
    """One class.

    Attributes
    ----------
    name : str
        Name in manifests and results, such as ``"neutrophil"``.
    role : str
        ``"leukocyte"`` is counted in the differential, ``"erythroblast"`` per 100 leukocytes;
        ``"platelet"`` and ``"artefact"`` are excluded.
    title : str
        Name for people, such as ``"Neutrophils"``.
    colour : str
        Colour in figures and overlays, ``#rrggbb``.
    """

    name: str
    role: Role = "leukocyte"
    title: str = ""
    colour: str = "#777777"


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """An ordered set of classes; the order is that of the probabilities.

    Examples
    --------
    >>> PERIPHERAL_BLOOD.restricted(["monocyte", "basophil"]).names
    ('basophil', 'monocyte')
    """

    classes: tuple[CellClass, ...]

    def __post_init__(self) -> None:
        if len(set(self.names)) != len(self.names) or not self.classes:
            raise InputError(f"a taxonomy needs distinct class names, not {list(self.names)}")

    @property
    def names(self) -> tuple[str, ...]:
        """The class names in order."""
        return tuple(c.name for c in self.classes)

    def index(self, name: str) -> int:
        """Position of class `name`; raises `UnknownNameError` where there is none."""
        try:
            return self.names.index(name)
        except ValueError:
            raise UnknownNameError("class", name, self.names) from None

    def __getitem__(self, name: str) -> CellClass:
        return self.classes[self.index(name)]

    def __len__(self) -> int:
        return len(self.classes)

    def restricted(self, names: list[str] | tuple[str, ...]) -> Taxonomy:
        """Keep `names` alone, in this taxonomy's order."""
        keep = {self.index(name) for name in names}
        return Taxonomy(tuple(c for i, c in enumerate(self.classes) if i in keep))


PERIPHERAL_BLOOD = Taxonomy(
    (
        CellClass("basophil", "leukocyte", "Basophils", "#3b3b98"),
        CellClass("eosinophil", "leukocyte", "Eosinophils", "#e1701a"),
        CellClass("erythroblast", "erythroblast", "Erythroblasts", "#b33939"),
        CellClass("ig", "leukocyte", "Immature granulocytes", "#8854d0"),
        CellClass("lymphocyte", "leukocyte", "Lymphocytes", "#2d98da"),
        CellClass("monocyte", "leukocyte", "Monocytes", "#20bf6b"),
        CellClass("neutrophil", "leukocyte", "Neutrophils", "#d4a017"),
        CellClass("platelet", "platelet", "Platelets", "#a5818b"),
    )
)
"""The eight classes of the shipped bundle (those of the PBC data set, Acevedo et al. 2020)."""


def taxonomy_of(labels: Iterable[str]) -> Taxonomy:
    """Return the taxonomy of `labels`: known classes as in `PERIPHERAL_BLOOD`, others as leukocytes.

    Examples
    --------
    >>> taxonomy_of(["platelet", "blast"]).classes[1].role
    'platelet'
    """
    known = {c.name: c for c in PERIPHERAL_BLOOD.classes}
    return Taxonomy(tuple(known.get(name) or CellClass(name, title=name) for name in sorted(set(labels))))
