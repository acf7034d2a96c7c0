"""The differential count."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClassCount:
    """One line of the count.

    Attributes
    ----------
    name : str
        The class.
    count : int
        Cells counted.
    percent : float or None
        Share of all counted leukocytes in %; for erythroblasts, cells per 100 leukocytes;
        None where no leukocyte was counted.
    low, high : float or None
        Exact (Clopper–Pearson) 95 % limits of `percent`; None for erythroblasts, whose ratio to
        leukocytes is not a binomial share, and where no leukocyte was counted.
    corrected_percent, corrected_low, corrected_high : float or None
        The share with the classifier's errors taken back, as they were measured on the bundle's validation
        cells, and 95 % limits that hold them too; None where `low` is, or the errors were not measured.
    """

    name: str
    count: int
    percent: float | None
    low: float | None
    high: float | None
    corrected_percent: float | None = None
    corrected_low: float | None = None
    corrected_high: float | None = None


@dataclass(frozen=True, slots=True)
class Flag:
    """Something a reader must know before trusting the count: a stable `code` and a plain sentence."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """An input that could not be used, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Differential:
    """A differential count with what is needed to judge it.

    Attributes
    ----------
    leukocytes : tuple of ClassCount
        One entry per leukocyte class, in the taxonomy's order.
    per_100 : tuple of ClassCount
        Erythroblasts per 100 leukocytes.
    cells_counted, cells_excluded, cells_unidentified : int
        Leukocytes in the count; platelets, artefacts and cut cells left out; cells without a name.
    fields_read : int
        Images analysed.
    skipped : tuple of Skipped
        Inputs that could not be read.
    flags : tuple of Flag
        Reasons for caution.
    """

    leukocytes: tuple[ClassCount, ...]
    per_100: tuple[ClassCount, ...]
    cells_counted: int
    cells_excluded: int
    cells_unidentified: int
    fields_read: int
    skipped: tuple[Skipped, ...]
    flags: tuple[Flag, ...]
