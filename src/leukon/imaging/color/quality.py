"""Whether a colour map could be fitted, to two systems or to one image, and how well."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FitQuality:
    """How well a map fits.

    Attributes
    ----------
    reason : str
        Why nothing could be fitted and the image passes unchanged; empty where all is well.
    note : str
        What was assumed; empty where nothing was.
    images : int
        Images or pairs that the fit rests on.
    delta_e_before, delta_e_after : float or None
        Mean ΔE2000 between the parts of both systems, without and with the map; None for a single image.
    """

    reason: str = ""
    note: str = ""
    images: int = 0
    delta_e_before: float | None = None
    delta_e_after: float | None = None

    @property
    def fits(self) -> bool:
        """Whether the map applies."""
        return not self.reason
