"""Attribution maps laid over the cell."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from leukon.explain.attribution import Attribution
from leukon.imaging.geometry import cut, resize, square_around
from leukon.pipeline import Frame
from leukon.types import Cell

PANEL_PX = 288
HEAT = 0.45
OUTLINE = (255, 255, 255)


def overlay_figure(
    cell: Cell, frame: Frame, maps: Sequence[Attribution], mask: npt.NDArray[np.bool_], title: str
) -> npt.NDArray[np.uint8]:
    """Draw the cell and beside it each map over it, the cell's outline in white.

    Parameters
    ----------
    cell : Cell
    frame : Frame
        The frame that the maps belong to.
    maps : sequence of Attribution
    mask : ndarray of bool, shape (S, S)
        Of the cell, in the frame.
    title : str

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
        RGB.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    picture = _picture(cell, frame)
    titles, panels = [title], [picture]
    for found in maps:
        inside = found.share_inside(mask)
        titles.append(found.name + (" · nothing" if inside is None else f" · {100 * inside:.0f} % inside"))
        panels.append(_laid_over(picture, found, mask))
    figure = Figure(figsize=(2.9 * len(panels), 3.2), dpi=110, layout="constrained", facecolor="white")
    canvas = FigureCanvasAgg(figure)
    grid = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, panel, text in zip(grid, panels, titles, strict=True):
        axes.imshow(panel)
        axes.set_title(text, fontsize=9)
        axes.set_axis_off()
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _picture(cell: Cell, frame: Frame) -> npt.NDArray[np.uint8]:
    square = square_around(cell.box, margin=frame.margin)
    framed = resize(cut(cell.image, square, fill=frame.fill), PANEL_PX, PANEL_PX)
    return (framed // (257 if framed.dtype == np.uint16 else 1)).astype(np.uint8)


def _laid_over(
    picture: npt.NDArray[np.uint8], found: Attribution, mask: npt.NDArray[np.bool_]
) -> npt.NDArray[np.uint8]:
    heat = cv2.resize(found.values, (PANEL_PX, PANEL_PX), interpolation=cv2.INTER_LINEAR)
    levels = (255 * heat / max(float(heat.max()), 1e-12)).astype(np.uint8)
    colours = cv2.applyColorMap(levels, cv2.COLORMAP_JET)[..., ::-1]
    panel = cv2.addWeighted(np.ascontiguousarray(colours), HEAT, picture, 1 - HEAT, 0)
    large = cv2.resize(mask.astype(np.uint8), (PANEL_PX, PANEL_PX), interpolation=cv2.INTER_NEAREST)
    contours, _ = cv2.findContours(large, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(panel, contours, -1, OUTLINE, 1, cv2.LINE_AA)
    return np.asarray(panel, np.uint8)
