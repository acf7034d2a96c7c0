"""Image files in another space: as numbers, as 16-bit files, and as a figure of their channels."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from leukon.errors import InputError
from leukon.imaging.depth import Floats, unit
from leukon.imaging.files import read_image, write_image
from leukon.imaging.raw_files import is_raw, read_raw
from leukon.imaging.spaces import Space
from leukon.imaging.spaces.raw import Raw, RawPlanes, mosaic_planes
from leukon.storage import write_bytes

FORMATS = ("npy", "png", "tif")


def file_in_space(path: Path, space: Space, *, raw: bool = False) -> Floats:
    """Read the file `path` into `space`, shape (H, W, C).

    Parameters
    ----------
    raw : bool
        The file holds linear camera RGB, as `read_raw` reads; files with the suffix of a camera's raw
        format always do. It then goes into the raw spaces as it is, and into the others developed as
        the mean camera of `leukon.imaging.unprocess` would.
    """
    if not (raw or is_raw(path)):
        return space.from_rgb(read_image(path))
    linear = unit(read_raw(path))
    if isinstance(space, RawPlanes):
        return mosaic_planes(linear)
    if space.name in ("raw", "learned_raw"):
        return linear
    return space.from_rgb(Raw().to_rgb(linear))


def write_values(path: Path, values: Floats, space: Space) -> None:
    """Write `values`, shape (H, W, C), as float32 ``.npy``, or as 16-bit ``.png`` or ``.tif``.

    In 16 bits, 0…65535 is the range of each channel that `space` states; what lies outside is clipped.

    Raises
    ------
    InputError
        If a picture is asked for and the space has not three channels.
    """
    if path.suffix == ".npy":
        buffer = io.BytesIO()
        np.save(buffer, values)
        write_bytes(path, buffer.getvalue())
        return
    if values.shape[2] != 3:
        raise InputError(
            f"cannot write {path}: {space.name} has {values.shape[2]} channels, a picture 3; choose npy"
        )
    write_image(path, (in_range(values, space) * 65535 + 0.5).astype(np.uint16))


def in_range(values: Floats, space: Space) -> Floats:
    """Map the stated range of each channel to 0…1 and clip."""
    return _spread(values, space.ranges)


def _spread(values: Floats, ranges: Sequence[tuple[float, float]]) -> Floats:
    least, greatest = np.transpose(np.array(ranges, np.float32))
    return np.asarray(np.clip((values - least) / (greatest - least), 0, 1), np.float32)


def channels_figure(rows: Sequence[tuple[Space, Floats]], title: str = "") -> bytes:
    """Draw an image's channels in several spaces, one row a space, as a PNG file.

    Hue is shown as its colour, channels around 0 from blue over white to red, all others in grey. Channels of
    one range share a scale, which ends at the image's brightest 0.2 % and is stated above each.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    height, width = rows[0][1].shape[:2]
    columns = 1 + max(len(space.channels) for space, _ in rows)
    side = 2.1
    figure = Figure(
        (side * columns + 0.2, (side * height / width + 0.42) * len(rows) + 0.35 * bool(title)),
        dpi=150,
        layout="constrained",
    )
    figure.suptitle(title, fontsize=10)
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for row, (space, values) in zip(axes, rows, strict=True):
        for axis in row:
            axis.set_axis_off()
        scales = [_scale(values, space, k) for k in range(len(space.channels))]
        row[0].imshow(_composite(values, scales))
        row[0].set_title(space.name.replace("_", " "), fontsize=10, fontweight="bold", loc="left")
        for k, (channel, (least, greatest)) in enumerate(zip(space.channels, scales, strict=True)):
            map_name = "hsv" if channel == "hue" else "RdBu_r" if least < 0 else "gray"
            row[k + 1].imshow(values[..., k], cmap=map_name, vmin=least, vmax=greatest)
            label = f"{channel}  {least:.2g}…{greatest:.2g}"
            row[k + 1].set_title(label, fontsize=8, color="0.3", loc="left")
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer)
    return buffer.getvalue()


def _scale(values: Floats, space: Space, channel: int) -> tuple[float, float]:
    """Where the grey of `channel` begins and ends, together with the others of its range."""
    least, greatest = space.ranges[channel]
    if space.channels[channel] == "hue":
        return least, greatest
    alike = [
        k for k, name in enumerate(space.channels) if space.ranges[k] == (least, greatest) and name != "hue"
    ]
    end = float(np.percentile(np.abs(values[..., alike]), 99.8)) or greatest
    return (-end if least < 0 else least), end


def _composite(values: Floats, scales: Sequence[tuple[float, float]]) -> Floats:
    """Show three channels as red, green and blue; of a mosaic, its two greens as one."""
    shown = _spread(values, scales)
    if shown.shape[2] == 4:
        shown = np.stack([shown[..., 0], shown[..., 1:3].mean(axis=-1), shown[..., 3]], axis=-1)
    return shown
