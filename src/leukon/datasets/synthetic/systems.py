"""Named imaging systems, and random ones for training that must hold on any."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from leukon.datasets.synthetic.camera import ImagingSystem, Optics, Processing, Sensor
from leukon.datasets.synthetic.spectra import CAMERAS, LAMPS, Bells, Camera, Lamp
from leukon.datasets.synthetic.stain import Stain

SYSTEMS: dict[str, ImagingSystem] = {
    # A slide scanner with white LED, 100x oil, and one with halogen: the same pixels, other colours.
    "led-x": ImagingSystem(LAMPS["led-neutral"], CAMERAS["three-chip"], sensor=Sensor(bayer=False)),
    "halogen-y": ImagingSystem(
        LAMPS["halogen"],
        CAMERAS["single-chip"],
        Optics(defocus_um=0.15, flare=0.02),
        processing=Processing(white=(0.97, 0.80, 0.60), contrast=0.12, sharpen=0.6),
        stain=Stain(azure=1.1),
    ),
    # An LED microscope's raw pictures: headroom above the background, white balanced, and no matrix to sRGB,
    # without which dyes look as its lamp and sensor happen to see them.
    "led-raw": ImagingSystem(
        LAMPS["led-neutral"],
        CAMERAS["single-chip"],
        Optics(chromatic=0.001),
        Sensor(exposure=0.55),
        Processing(white=(0.55, 0.55, 0.55), matrix=0.0, contrast=0.0, sharpen=0.0),
    ),
    "halogen-daylight": ImagingSystem(
        LAMPS["halogen-daylight"],
        CAMERAS["single-chip"],
        Optics(defocus_um=-0.25, vignetting=0.12),
        processing=Processing(white=(0.70, 0.72, 0.82), matrix=0.8, sharpen=0.2),
    ),
    "phone": ImagingSystem(
        LAMPS["led-cool"],
        CAMERAS["phone"],
        Optics(0.14, 1.25, 0.35, 0.002, 0.35),
        Sensor(0.85, 4000, 5),
        Processing((0.93, 0.85, 0.90), 1.3, 0.5, 2.2, 1.0, 2.5, 80),
        Stain(eosin=1.2, ph=6.7),
    ),
    "grey-ccd": ImagingSystem(
        LAMPS["halogen-dim"],
        CAMERAS["old-ccd"],
        Optics(0.115, 1.25, -0.4, 0.001, 0.08, 0.06, 0.04),
        Sensor(0.7, 9000, 15),
        Processing((0.64, 0.70, 0.68), 0.6, 0.0, 2.4, 0.5, 1.5, 85),
        Stain(azure=0.8, ph=7.0, thickness=0.8),
    ),
    "scanner-40x": ImagingSystem(
        LAMPS["led-high-cri"],
        CAMERAS["single-chip"],
        Optics(0.2, 0.75, 0.15, 0.0, 0.02),
        Sensor(0.8, 20000, 4),
        Processing((0.92, 0.92, 0.92), 1.0, 0.3, 2.2, 0.4, 0.8, 85),
    ),
    "yellow-fast-stain": ImagingSystem(
        LAMPS["halogen"],
        CAMERAS["eyepiece"],
        Optics(0.17, 1.0, 0.3, 0.001, 0.2),
        Sensor(0.8, 6000, 10),
        Processing((0.95, 0.83, 0.22), 0.7, 0.5, 2.0, 0.3, 1.0, 90),
        Stain(eosin=0.9, azure=1.15, ph=6.9, purple=0.6, plasma=0.03),
    ),
    "rose-eyepiece": ImagingSystem(
        LAMPS["halogen-dim"],
        CAMERAS["eyepiece"],
        Optics(0.085, 1.25, 0.3, 0.0015, 0.1),
        Sensor(0.7, 7000, 8),
        Processing((0.85, 0.60, 0.53), 1.1, 0.1, 2.2, 0.2, 1.5, 90),
        Stain(eosin=1.4, ph=6.55),
    ),
}
"""The systems that can be asked for by name."""


def _shifted(rng: np.random.Generator, bells: Bells, shift_nm: float) -> Bells:
    """Move, widen and scale every bell curve a little."""
    return tuple(
        (
            float(centre + rng.normal(0, shift_nm)),
            float(width * np.exp(rng.normal(0, 0.12))),
            float(height * np.exp(rng.normal(0, 0.25))),
        )
        for centre, width, height in bells
    )


def random_system(rng: np.random.Generator) -> ImagingSystem:
    """Draw an imaging system around the known lamps and cameras, wider than any one of them."""
    lamp = LAMPS[str(rng.choice(list(LAMPS)))]
    kelvin = lamp.kelvin and float(rng.uniform(2700, 3400))
    lamp = Lamp(kelvin, _shifted(rng, lamp.peaks, 6), _shifted(rng, lamp.filter, 8))
    base = CAMERAS[str(rng.choice(list(CAMERAS)))]
    camera = Camera(
        _shifted(rng, base.red, 8),
        _shifted(rng, base.green, 8),
        _shifted(rng, base.blue, 8),
        float(rng.uniform(650, 700)),
    )
    brightness = float(rng.uniform(0.5, 1.05))
    cast = np.exp(rng.normal(0, 0.16, 3) * (rng.random() < 0.75))
    white = brightness * cast / cast.max()
    sharp = rng.random() < 0.7
    return ImagingSystem(
        lamp,
        camera,
        Optics(
            um_per_px=float(np.exp(rng.uniform(np.log(0.07), np.log(0.22)))),
            aperture=float(rng.uniform(0.75, 1.35)),
            defocus_um=float(rng.normal(0, 0.25 if sharp else 0.6)),
            chromatic=float(abs(rng.normal(0, 0.0012))),
            vignetting=float(rng.uniform(0, 0.3) ** 1.5),
            tilt=float(rng.normal(0, 0.06)),
            flare=float(rng.exponential(0.012)),
        ),
        Sensor(
            exposure=float(rng.uniform(0.5, 0.92)),
            full_well_e=float(np.exp(rng.uniform(np.log(2500), np.log(25000)))),
            read_noise_e=float(rng.uniform(2, 20)),
            bayer=bool(rng.random() < 0.8),
        ),
        Processing(
            white=(float(white[0]), float(white[1]), float(white[2])),
            matrix=float(rng.uniform(0.3, 1.35)),
            contrast=float(rng.uniform(-0.2, 0.7)),
            gamma=float(rng.uniform(1.8, 2.5)),
            sharpen=float(rng.uniform(0, 1.1)),
            chroma_blur_px=float(rng.uniform(0, 2.5)),
            jpeg_quality=int(rng.integers(65, 99)),
        ),
    )


def at_scale(system: ImagingSystem, um_per_px: float) -> ImagingSystem:
    """Give the system another pixel size."""
    return replace(system, optics=replace(system.optics, um_per_px=um_per_px))
