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


AML_CLASSES = Taxonomy(
    (
        CellClass("BAS", title="Basophils"),
        CellClass("EBO", "erythroblast", "Erythroblasts"),
        CellClass("EOS", title="Eosinophils"),
        CellClass("KSC", "artefact", "Smudge cells"),
        CellClass("LYA", title="Atypical lymphocytes"),
        CellClass("LYT", title="Typical lymphocytes"),
        CellClass("MMZ", title="Metamyelocytes"),
        CellClass("MOB", title="Monoblasts"),
        CellClass("MON", title="Monocytes"),
        CellClass("MYB", title="Myelocytes"),
        CellClass("MYO", title="Myeloblasts"),
        CellClass("NGB", title="Band neutrophils"),
        CellClass("NGS", title="Segmented neutrophils"),
        CellClass("PMB", title="Bilobed promyelocytes"),
        CellClass("PMO", title="Promyelocytes"),
    )
)
"""The fifteen codes of AML-Cytomorphology_LMU (Matek et al. 2019)."""

MLL23_CLASSES = Taxonomy(
    (
        PERIPHERAL_BLOOD["basophil"],
        PERIPHERAL_BLOOD["eosinophil"],
        CellClass("hairy_cell", title="Hairy cells"),
        PERIPHERAL_BLOOD["lymphocyte"],
        CellClass("lymphocyte_large_granular", title="Large granular lymphocytes"),
        CellClass("lymphocyte_neoplastic", title="Neoplastic lymphocytes"),
        CellClass("lymphocyte_reactive", title="Reactive lymphocytes"),
        CellClass("metamyelocyte", title="Metamyelocytes"),
        PERIPHERAL_BLOOD["monocyte"],
        CellClass("myeloblast", title="Myeloblasts"),
        CellClass("myelocyte", title="Myelocytes"),
        CellClass("neutrophil_band", title="Band neutrophils"),
        CellClass("neutrophil_segmented", title="Segmented neutrophils"),
        CellClass("normoblast", "erythroblast", "Normoblasts"),
        CellClass("plasma_cell", title="Plasma cells"),
        CellClass("promyelocyte", title="Promyelocytes"),
        CellClass("promyelocyte_atypical", title="Atypical promyelocytes"),
        CellClass("smudge_cell", "artefact", "Smudge cells"),
    )
)
"""The eighteen classes of MLL23 (Shetab Boushehri et al. 2025)."""

_OTHERS = (
    CellClass("normal", title="Normal cells"),
    CellClass("tumour", title="Tumour cells"),
    CellClass("leukocyte", title="Leukocytes"),
    CellClass("erythrocyte", "artefact", "Red cells"),
)


def taxonomy_of(labels: Iterable[str]) -> Taxonomy:
    """Return the taxonomy of `labels`: classes of the taxonomies above as there, others as leukocytes.

    Examples
    --------
    >>> taxonomy_of(["platelet", "blast"]).classes[1].role
    'platelet'
    >>> taxonomy_of(["NGS", "EBO"]).names
    ('EBO', 'NGS')
    """
    named = (*AML_CLASSES.classes, *MLL23_CLASSES.classes, *_OTHERS, *PERIPHERAL_BLOOD.classes)
    known = {c.name: c for c in named}
    return Taxonomy(tuple(known.get(name) or CellClass(name, title=name) for name in sorted(set(labels))))
