"""Smoothing that keeps edges."""

from __future__ import annotations

import cv2
import numpy as np

from leukon.errors import InputError, MissingExtraError
from leukon.types import Image

STABLE_STEP = 0.125


def curvature_flow(image: Image, *, time_step: float = STABLE_STEP, iterations: int = 5) -> Image:
    """Smooth each channel along its level lines, by SimpleITK's CurvatureFlowImageFilter.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3)
        RGB.
    time_step : float
        Above 0, and at most 0.125, where the flow in two dimensions is still stable.
    iterations : int
        More of them smooth more.

    Returns
    -------
    ndarray, shape (H, W, 3)
        Of the same dtype.

    Raises
    ------
    InputError
        If the time step or the number of iterations is out of range.
    MissingExtraError
        If SimpleITK, of the extra ``itk``, is not installed.

    Notes
    -----
    Source: the EK-means publication takes noise away by SimpleITK; the filter is a reconstruction.
    """
    if not 0 < time_step <= STABLE_STEP or iterations < 0:
        raise InputError(
            f"cannot smooth by {iterations} steps of {time_step}: give 0 or more, of at most {STABLE_STEP}"
        )
    try:
        import SimpleITK
    except ImportError as error:
        raise MissingExtraError("curvature-flow smoothing", "itk") from error
    planes = []
    for plane in cv2.split(image):
        smooth = SimpleITK.CurvatureFlow(
            SimpleITK.GetImageFromArray(plane.astype(np.float32)), time_step, iterations
        )
        planes.append(np.rint(SimpleITK.GetArrayViewFromImage(smooth)))
    full = np.iinfo(image.dtype).max
    smoothed: Image = np.clip(np.stack(planes, axis=-1), 0, full).astype(image.dtype)
    return smoothed
