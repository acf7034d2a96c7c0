"""Small JPEG pictures for reports, made while the image is in memory."""

from __future__ import annotations

import cv2

from leukon.imaging.geometry import cut, resize, square_around
from leukon.segmentation.stain import reduced, to_uint8
from leukon.types import Box, Image

THUMBNAIL_PX = 104
PREVIEW_PX = 640
MARGIN = 1.3


def thumbnail(image: Image, box: Box) -> bytes:
    """Return the cell in `box` with a little of its surroundings, as a JPEG of `THUMBNAIL_PX` squared."""
    square = cut(image, square_around(box, margin=MARGIN), fill=0.92)
    return _jpeg(resize(square, THUMBNAIL_PX, THUMBNAIL_PX), 85)


def preview(image: Image) -> bytes:
    """Return the field as a JPEG whose longer side is at most `PREVIEW_PX`."""
    return _jpeg(reduced(image, PREVIEW_PX)[0], 78)


def _jpeg(image: Image, quality: int) -> bytes:
    bgr = cv2.cvtColor(to_uint8(image), cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return data.tobytes()
