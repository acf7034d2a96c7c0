"""How a smear was stained."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leukon.datasets.synthetic.spectra import DYES, Array

_INDEX = {dye: i for i, dye in enumerate(DYES)}


@dataclass(frozen=True, slots=True)
class Stain:
    """One staining of a smear, relative to a good May-Grünwald–Giemsa stain.

    Attributes
    ----------
    eosin, azure : float
        Strength of the red and of the blue dye; 1 is usual, 0.5 pale, 1.6 overstained.
    ph : float
        Buffer, 6.4…7.2: acid makes a smear redder, alkaline bluer with grey-blue red cells.
    thickness : float
        Thickness of the smear: scales all that absorbs.
    fading : float
        0 fresh … 1 long in the light: the blue dyes go first.
    purple : float
        Share of the azure on chromatin that forms the purple complex with eosin, 0…1; fast stains with
        methylene blue form little.
    plasma : float
        Tint that the dried plasma leaves on the background, in units of concentration.
    """

    eosin: float = 1.0
    azure: float = 1.0
    ph: float = 6.8
    thickness: float = 1.0
    fading: float = 0.0
    purple: float = 0.85
    plasma: float = 0.015

    def uptake(self) -> Array:
        """Concentrations of `DYES` per unit of each map of a scene, shape (dyes, dyes)."""
        acid = 6.8 - self.ph
        red = self.eosin * (1 + 0.5 * acid)
        blue = self.azure * (1 - 0.45 * acid) * (1 - 0.5 * self.fading)
        complexed = self.purple * blue**0.75 * red**0.25
        matrix = np.zeros((len(DYES), len(DYES)), np.float32)
        for dye, amount in (
            ("eosin", red * (1 - 0.15 * self.fading)),
            ("eosin_packed", red * (1 - 0.15 * self.fading)),
            ("azure", blue),
            ("purple", complexed),
            ("methylene_blue", blue),
            ("haemoglobin", 1.0),
            ("neutral", 1.0),
        ):
            matrix[_INDEX[dye], _INDEX[dye]] = amount
        matrix[_INDEX["purple"], _INDEX["azure"]] = (1 - self.purple) * blue
        # Red cells bind eosin, and the more azure the more alkaline the buffer.
        matrix[_INDEX["haemoglobin"], _INDEX["eosin"]] = 0.11 * red
        matrix[_INDEX["haemoglobin"], _INDEX["azure"]] = 0.15 * blue * max(0.0, 1 - 1.5 * acid)
        return matrix * self.thickness

    def background(self) -> Array:
        """Concentrations of `DYES` where no cell lies, shape (dyes,)."""
        empty = np.zeros(len(DYES), np.float32)
        empty[_INDEX["eosin"]] = self.plasma * self.eosin
        empty[_INDEX["azure"]] = 0.6 * self.plasma * self.azure
        return empty


def random_stain(rng: np.random.Generator) -> Stain:
    """Draw a stain as laboratories produce them, good and poor."""
    return Stain(
        eosin=float(np.exp(rng.normal(0, 0.25))),
        azure=float(np.exp(rng.normal(0, 0.25))),
        ph=float(rng.uniform(6.45, 7.15)),
        thickness=float(rng.uniform(0.75, 1.25)),
        fading=float(rng.uniform(0, 0.6) ** 2),
        purple=float(rng.uniform(0.55, 0.97)),
        plasma=float(rng.exponential(0.02)),
    )
