"""Spectra: what dyes absorb, lamps send out, cameras and people see. All of it is data, on one grid.

Every curve is a sum of bell curves ``(centre nm, width nm, height)``, the width a standard deviation.
Peaks are textbook values (Horobin and Kiernan, *Conn's Biological Stains*; Friedrich et al. 1990 on the
Romanowsky–Giemsa complex; Prahl 1999 on haemoglobin); widths and relative heights are reconstructions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Bells = tuple[tuple[float, float, float], ...]
Array = npt.NDArray[np.float32]

WAVELENGTHS_NM: Array = np.arange(400, 701, 10, dtype=np.float32)

ABSORBERS: dict[str, Bells] = {
    "eosin": ((517, 13, 1.0), (489, 20, 0.45), (440, 40, 0.06)),
    # Eosin packed in granules: red-shifted and broadened, with a blue tail that turns pink to orange.
    "eosin_packed": ((523, 20, 1.0), (487, 30, 0.72), (430, 45, 0.42)),
    # Azure B in the cytoplasm: monomer near 648 nm, dimer near 600 nm,
    # higher aggregates on RNA toward 550 nm.
    "azure": ((648, 24, 0.62), (600, 32, 1.0), (548, 36, 0.88), (500, 32, 0.32), (430, 50, 0.12)),
    # Azure B with eosin on DNA: the metachromatic purple of chromatin (Romanowsky–Giemsa effect).
    "purple": ((547, 31, 1.0), (588, 28, 0.74), (638, 28, 0.50), (500, 34, 0.46), (435, 45, 0.20)),
    "methylene_blue": ((664, 19, 1.0), (614, 26, 0.6), (560, 40, 0.10)),
    "haemoglobin": ((415, 17, 1.0), (445, 30, 0.11), (541, 13, 0.12), (576, 10, 0.12), (550, 45, 0.06)),
    # Scattered rather than absorbed light: the same at each wavelength.
    "neutral": ((550, 1e6, 1.0),),
}
"""Absorbance per unit of concentration map."""

DYES = tuple(ABSORBERS)
"""The order of the last axis of concentration maps."""


def curve(bells: Bells) -> Array:
    """Sum the bell curves on `WAVELENGTHS_NM`, shape (31,)."""
    total = np.zeros_like(WAVELENGTHS_NM)
    for centre, width, height in bells:
        total += height * np.exp(-0.5 * ((WAVELENGTHS_NM - centre) / width) ** 2)
    return total


ABSORBANCE: Array = np.stack([curve(bells) for bells in ABSORBERS.values()])
"""Shape (dyes, wavelengths)."""


@dataclass(frozen=True, slots=True)
class Lamp:
    """A light source with the filter before it.

    Attributes
    ----------
    kelvin : float or None
        Temperature of a black body (halogen); None for lamps of `peaks` alone.
    peaks : Bells
        Emission: the narrow blue and broad phosphor band of an LED, the lines of a tube.
    filter : Bells
        Absorbance of the filter, such as the blue daylight glass.
    """

    kelvin: float | None = None
    peaks: Bells = ()
    filter: Bells = ()

    def spectrum(self) -> Array:
        """Relative power on `WAVELENGTHS_NM`, its maximum 1, shape (31,)."""
        power = curve(self.peaks)
        if self.kelvin:
            metres = WAVELENGTHS_NM.astype(np.float64) * 1e-9
            planck = metres**-5 / np.expm1(0.014388 / (metres * self.kelvin))
            power = power + (planck / planck.max()).astype(np.float32)
        power = power * 10 ** -curve(self.filter)
        return np.asarray(power / power.max(), np.float32)


LAMPS: dict[str, Lamp] = {
    "halogen": Lamp(kelvin=3100),
    "halogen-dim": Lamp(kelvin=2850),
    "halogen-daylight": Lamp(kelvin=3150, filter=((640, 60, 0.75), (700, 60, 0.35), (575, 45, 0.28))),
    "led-cool": Lamp(peaks=((450, 10, 1.0), (545, 45, 0.62), (600, 45, 0.22))),
    "led-neutral": Lamp(peaks=((452, 11, 0.8), (555, 48, 0.85), (610, 45, 0.5))),
    "led-high-cri": Lamp(peaks=((430, 16, 0.6), (480, 28, 0.7), (545, 45, 0.85), (630, 50, 1.0))),
    "tube": Lamp(peaks=((436, 6, 0.8), (490, 12, 0.25), (545, 6, 1.0), (585, 14, 0.4), (612, 6, 0.9))),
}


@dataclass(frozen=True, slots=True)
class Camera:
    """Spectral sensitivities of a camera's channels, behind its infrared cut at `ir_cut_nm`."""

    red: Bells
    green: Bells
    blue: Bells
    ir_cut_nm: float = 680

    def sensitivities(self) -> Array:
        """Shape (31, 3)."""
        cut = 1 / (1 + np.exp((WAVELENGTHS_NM - self.ir_cut_nm) / 8))
        return np.stack([curve(self.red) * cut, curve(self.green) * cut, curve(self.blue) * cut], axis=1)


CAMERAS: dict[str, Camera] = {
    "single-chip": Camera(
        ((605, 30, 0.9), (540, 40, 0.10), (450, 30, 0.04)),
        ((535, 34, 1.0), (600, 30, 0.12), (460, 25, 0.10)),
        ((460, 27, 0.85), (530, 30, 0.10)),
    ),
    "three-chip": Camera(((612, 22, 1.0),), ((542, 22, 1.0),), ((455, 22, 1.0),), 690),
    "phone": Camera(
        ((600, 32, 0.85), (530, 40, 0.20), (440, 25, 0.06)),
        ((530, 40, 1.0), (610, 35, 0.18)),
        ((465, 30, 0.9), (540, 35, 0.16)),
        655,
    ),
    "old-ccd": Camera(
        ((620, 42, 0.8), (520, 60, 0.16)),
        ((538, 45, 0.9), (640, 50, 0.20), (450, 30, 0.12)),
        ((455, 35, 0.6), (560, 60, 0.10), (680, 30, 0.06)),
        700,
    ),
    "eyepiece": Camera(
        ((595, 26, 1.0), (480, 30, 0.05)),
        ((545, 30, 0.95), (480, 25, 0.12)),
        ((450, 20, 0.7), (500, 25, 0.15)),
        665,
    ),
}

_XYZ: tuple[Bells, Bells, Bells] = (
    ((599, 34, 1.056), (442, 18, 0.362), (501, 23, -0.065)),
    ((569, 43, 0.821), (531, 25, 0.286)),
    ((437, 17, 1.217), (459, 25, 0.681)),
)
"""The CIE 1931 observer, after the bell-curve fit of Wyman, Sloan and Shirley (2013), made symmetric."""

_SRGB_FROM_XYZ: Array = np.array(
    [[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]], np.float32
)


def observer() -> Array:
    """What linear sRGB sees at each wavelength, scaled so that an even spectrum is white, shape (31, 3)."""
    seen = np.stack([curve(bells) for bells in _XYZ], axis=1)
    white = np.array([0.9505, 1.0, 1.089], np.float32)
    return np.asarray((seen / seen.sum(0) * white) @ _SRGB_FROM_XYZ.T, np.float32)


@lru_cache(maxsize=256)
def colour_matrix(lamp: Lamp, camera: Camera) -> Array:
    """Fit the matrix that takes white-balanced camera RGB to linear sRGB, shape (3, 3), rows summing to 1.

    The least-squares fit is over mixtures of the dyes of a smear, and keeps white exactly.
    """
    rng = np.random.default_rng(0)
    mixtures = rng.gamma(0.5, 0.6, (200, len(DYES))).astype(np.float32)
    transmitted = 10 ** -(mixtures @ ABSORBANCE)
    response = lamp.spectrum()[:, None] * camera.sensitivities()
    captured = transmitted @ (response / response.sum(0))
    seen = transmitted @ observer()
    fitted = np.linalg.lstsq(captured - 1, seen - 1, rcond=None)[0].T
    return np.asarray(fitted / fitted.sum(1, keepdims=True), np.float32)
