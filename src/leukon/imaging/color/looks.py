"""Looks of known imaging systems, frozen."""

from __future__ import annotations

from leukon.imaging.color.look import Look, Part

HOME = "pbc"
"""The look of the images that the shipped bundle was trained on."""

LOOKS = {
    # CellaVision DM96, May-Grünwald-Giemsa: a thousand training images of PBC (Acevedo et al. 2020), drawn
    # with seed 0, by `leukon.segmentation.look.measure_look`.
    "pbc": Look(
        "pbc",
        (0.9961, 0.8902, 0.7922),
        (0.0044, 0.0041, 0.0056),
        (
            Part(
                (0.0, 0.0, 0.0),
                ((1.2e-05, 1.3e-05, 1.1e-05), (1.3e-05, 2.3e-05, 1.1e-05), (1.1e-05, 1.1e-05, 3.1e-05)),
            ),
            Part(
                (0.0927, 0.1371, 0.0822),
                (
                    (0.000392, 0.000484, 0.000227),
                    (0.000484, 0.000699, 0.000307),
                    (0.000227, 0.000307, 0.000222),
                ),
            ),
            Part(
                (0.1301, 0.1846, 0.0623),
                (
                    (0.003632, 0.004611, 0.001193),
                    (0.004611, 0.008056, 0.002404),
                    (0.001193, 0.002404, 0.001338),
                ),
            ),
            Part(
                (0.4621, 0.7432, 0.174),
                (
                    (0.011721, 0.01845, 0.003405),
                    (0.01845, 0.036942, 0.005433),
                    (0.003405, 0.005433, 0.001822),
                ),
            ),
        ),
        1000,
        1019,
    ),
}
"""By name."""
