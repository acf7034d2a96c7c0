"""What each kind of cell looks like in µm and units of dye: one table, no code.

Sizes are those of air-dried smears (Bain, *Blood Cells*, 2022); amounts of dye were set by eye against
May-Grünwald–Giemsa smears. A pair is the range of a uniform draw.
"""

from __future__ import annotations

from dataclasses import dataclass

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Nucleus:
    """A nucleus.

    Attributes
    ----------
    kinds : tuple of str
        Names of `shapes.NUCLEI`, one drawn at random.
    share : Range
        Part of the cell's area that it covers.
    lobes : (int, int)
        Number of lobes, ends included.
    chromatin : Range
        Concentration of the purple map.
    clumping : Range
        Contrast of coarse chromatin, 0 smooth … 1 clock face.
    clump_um : float
        Width of the clumps.
    fine : float
        Contrast of fine grain.
    nucleoli : int
        Largest number of pale nucleoli.
    shift : float
        Largest distance from the cell's centre, as a share of its radius.
    rough : float
        Unevenness of its outline, 0 smooth.
    """

    kinds: tuple[str, ...]
    share: Range
    lobes: tuple[int, int] = (1, 1)
    chromatin: Range = (1.1, 1.5)
    clumping: Range = (0.25, 0.45)
    clump_um: float = 0.8
    fine: float = 0.1
    nucleoli: int = 0
    shift: float = 0.1
    rough: float = 1.0


@dataclass(frozen=True, slots=True)
class Granules:
    """A population of granules.

    Attributes
    ----------
    dyes : tuple of (str, float)
        Names of `spectra.DYES` and their amount in one granule.
    per_um2 : Range
        Number per µm² of cytoplasm.
    radius_um : Range
        Radius, one draw per cell.
    on_nucleus : Range
        Density over the nucleus relative to the cytoplasm.
    """

    dyes: tuple[tuple[str, float], ...]
    per_um2: Range
    radius_um: Range
    on_nucleus: Range = (0.0, 0.1)


@dataclass(frozen=True, slots=True)
class Morphology:
    """A kind of cell.

    Attributes
    ----------
    label, subtype : str
        Its class and the kind within it.
    weight : float
        Share of the class.
    diameter_um : Range
        Diameter.
    irregularity : Range
        Of its outline.
    nucleus : Nucleus or None
        None for platelets.
    azure, eosin, haemoglobin : Range
        Concentrations in the cytoplasm.
    mottle : float
        Contrast of the cytoplasm's texture.
    rim : float
        Extra azure toward the edge (positive) or around the nucleus (negative).
    granules : tuple of Granules
        Granules of the cytoplasm.
    vacuoles : (int, int)
        Their number, ends included.
    frayed : float
        Probability of a torn, transparent edge.
    """

    label: str
    subtype: str
    weight: float
    diameter_um: Range
    irregularity: Range
    nucleus: Nucleus | None
    azure: Range
    eosin: Range
    haemoglobin: Range = (0.0, 0.0)
    mottle: float = 0.2
    rim: float = 0.0
    granules: tuple[Granules, ...] = ()
    vacuoles: tuple[int, int] = (0, 0)
    frayed: float = 0.0


_FINE = Granules((("purple", 0.34), ("eosin", 0.25)), (2.5, 6.0), (0.1, 0.17), (0.0, 0.1))
_SPECKS = Granules((("purple", 0.5), ("eosin", 0.1)), (0.1, 0.6), (0.11, 0.17), (0.0, 0.1))
_ORANGE = Granules((("eosin_packed", 0.46), ("purple", 0.16)), (7.0, 11.0), (0.2, 0.30), (0.02, 0.15))
_DARK = Granules((("purple", 0.62), ("azure", 0.06), ("eosin", 0.1)), (1.5, 3.2), (0.24, 0.42), (0.3, 0.8))
_DARK_FEW = Granules((("purple", 0.8), ("azure", 0.1)), (0.25, 0.8), (0.3, 0.45), (0.25, 0.7))
_PRIMARY = Granules((("purple", 0.6), ("eosin", 0.25)), (1.2, 4.0), (0.14, 0.22), (0.3, 0.6))
_SPARSE = Granules((("purple", 0.45), ("eosin", 0.25)), (0.03, 0.12), (0.18, 0.28), (0.0, 0.1))
_DUST = Granules((("purple", 0.28), ("eosin", 0.20)), (1.0, 4.0), (0.1, 0.14), (0.0, 0.1))
_PLATELET = Granules((("purple", 0.45), ("eosin", 0.10)), (8.0, 18.0), (0.13, 0.22))

_COARSE = {"chromatin": (1.05, 1.5), "clumping": (0.35, 0.6), "clump_um": 0.65}

MORPHOLOGIES: tuple[Morphology, ...] = (
    Morphology(
        "basophil", "basophil", 1.0, (10.5, 13.5), (0.008, 0.03),
        Nucleus(("bilobed", "folded", "kidney", "lobed"), (0.42, 0.58), (2, 3), (0.75, 1.15), (0.2, 0.4)),
        (0.10, 0.24), (0.12, 0.26), granules=(_DARK, _DARK_FEW), vacuoles=(0, 2),
    ),
    Morphology(
        "eosinophil", "eosinophil", 1.0, (12, 15.5), (0.005, 0.025),
        Nucleus(("bilobed", "bilobed", "bilobed", "lobed", "horseshoe"), (0.26, 0.38), (2, 3), (1.0, 1.5),
                (0.3, 0.5), shift=0.2),
        (0.08, 0.22), (0.25, 0.45), (0.1, 0.3), granules=(_ORANGE,), vacuoles=(0, 2),
    ),
    Morphology(
        "erythroblast", "orthochromatic", 0.55, (8, 10), (0.008, 0.05),
        Nucleus(("round",), (0.24, 0.42), (1, 1), (1.3, 1.8), (0.1, 0.3), 0.9, 0.06, shift=0.35, rough=0.3),
        (0.14, 0.36), (0.03, 0.10), (0.45, 0.85), mottle=0.1,
    ),
    Morphology(
        "erythroblast", "polychromatic", 0.45, (8.5, 12), (0.02, 0.07),
        Nucleus(("round", "round", "round", "oval"), (0.36, 0.56), (1, 1), (1.15, 1.6), (0.3, 0.6), 0.95,
                0.08, shift=0.15, rough=0.5),
        (0.24, 0.52), (0.03, 0.1), (0.15, 0.5), mottle=0.15, rim=0.2, frayed=0.2,
    ),
    Morphology(
        "ig", "promyelocyte", 0.25, (15, 19), (0.015, 0.05),
        Nucleus(("round", "oval"), (0.55, 0.72), (1, 1), (0.95, 1.3), (0.2, 0.35), 0.7, 0.14, 2, 0.2),
        (0.38, 0.70), (0.06, 0.2), mottle=0.3, rim=0.3, granules=(_PRIMARY,), vacuoles=(0, 3), frayed=0.2,
    ),
    Morphology(
        "ig", "myelocyte", 0.4, (13, 17), (0.008, 0.04),
        Nucleus(("oval", "round", "indented"), (0.40, 0.56), (1, 1), (1.05, 1.4), (0.25, 0.45), 0.75, 0.12,
                shift=0.28),
        (0.22, 0.62), (0.16, 0.34), mottle=0.3, rim=0.2, granules=(_FINE, _SPECKS), vacuoles=(0, 2),
    ),
    Morphology(
        "ig", "metamyelocyte", 0.35, (13, 16), (0.008, 0.035),
        Nucleus(("kidney", "indented"), (0.36, 0.48), (1, 1), (1.1, 1.45), (0.3, 0.5), 0.75, 0.1, shift=0.2),
        (0.14, 0.46), (0.18, 0.38), mottle=0.3, granules=(_FINE, _SPECKS), vacuoles=(0, 2),
    ),
    Morphology(
        "lymphocyte", "small", 0.6, (8, 10.5), (0.02, 0.06),
        Nucleus(("round", "round", "oval", "indented"), (0.72, 0.9), (1, 1), (1.15, 1.55), (0.25, 0.5), 1.0,
                0.07, shift=0.1),
        (0.22, 0.80), (0.0, 0.08), mottle=0.25, rim=0.25, frayed=0.25,
    ),
    Morphology(
        "lymphocyte", "large", 0.25, (11, 15), (0.02, 0.06),
        Nucleus(("round", "oval", "indented"), (0.45, 0.65), (1, 1), (1.0, 1.35), (0.25, 0.45), 1.0, 0.08,
                shift=0.22),
        (0.16, 0.52), (0.0, 0.08), mottle=0.2, rim=0.3, granules=(_SPARSE,), frayed=0.15,
    ),
    Morphology(
        "lymphocyte", "reactive", 0.15, (13, 18), (0.05, 0.11),
        Nucleus(("oval", "indented", "kidney", "round"), (0.36, 0.55), (1, 1), (0.95, 1.35), (0.2, 0.4),
                1.0, 0.1, 1, 0.2),
        (0.20, 0.62), (0.0, 0.09), mottle=0.3, rim=0.9, vacuoles=(0, 3), frayed=0.2,
    ),
    Morphology(
        "monocyte", "monocyte", 1.0, (14.5, 20), (0.02, 0.09),
        Nucleus(("kidney", "folded", "indented", "horseshoe", "folded", "indented"), (0.36, 0.54), (2, 4),
                (0.8, 1.2), (0.25, 0.45), 0.6, 0.14, shift=0.18, rough=1.8),
        (0.22, 0.52), (0.12, 0.28), mottle=0.35, granules=(_DUST,), vacuoles=(0, 9), frayed=0.3,
    ),
    Morphology(
        "neutrophil", "segmented", 0.75, (12, 15.5), (0.006, 0.035),
        Nucleus(("lobed",), (0.22, 0.33), (2, 5), **_COARSE, shift=0.12),  # type: ignore[arg-type]
        (0.05, 0.18), (0.18, 0.38), mottle=0.3, granules=(_FINE, _SPECKS), vacuoles=(0, 2),
    ),
    Morphology(
        "neutrophil", "band", 0.25, (12.5, 15.5), (0.006, 0.035),
        Nucleus(("band", "band", "horseshoe"), (0.25, 0.36), (1, 1), (1.05, 1.5), (0.3, 0.55), 0.75,
                shift=0.1),
        (0.06, 0.22), (0.18, 0.38), mottle=0.3, granules=(_FINE, _SPECKS), vacuoles=(0, 2),
    ),
    Morphology(
        "platelet", "platelet", 0.85, (2.6, 5.0), (0.03, 0.10), None,
        (0.08, 0.22), (0.03, 0.10), mottle=0.4, granules=(_PLATELET,), frayed=0.3,
    ),
    Morphology(
        "platelet", "giant", 0.15, (4.5, 6.5), (0.03, 0.10), None,
        (0.12, 0.25), (0.0, 0.05), mottle=0.4, granules=(_PLATELET,), frayed=0.3,
    ),
)  # fmt: skip
"""Every kind of cell that the generator draws."""

DIFFERENTIAL: dict[str, float] = {
    "neutrophil": 0.58,
    "lymphocyte": 0.27,
    "monocyte": 0.07,
    "eosinophil": 0.035,
    "ig": 0.02,
    "erythroblast": 0.015,
    "basophil": 0.01,
}
"""Shares of the nucleated cells of an ordinary smear."""


@dataclass(frozen=True, slots=True)
class RedCells:
    """The red cells of normal blood.

    Attributes
    ----------
    diameter_um : Range
        Diameter.
    irregularity : Range
        Of their outline.
    haemoglobin : Range
        Concentration at the thick rim, of the whole scene.
    pallor : Range
        Depth of the pale centre, 0 none … 1 empty.
    pallor_width : Range
        Its radius as a share of the cell's.
    """

    diameter_um: Range = (6.6, 8.2)
    irregularity: Range = (0.01, 0.05)
    haemoglobin: Range = (0.65, 1.15)
    pallor: Range = (0.2, 0.9)
    pallor_width: Range = (0.36, 0.58)


RED_CELLS = RedCells()
