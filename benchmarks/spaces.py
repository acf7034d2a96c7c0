"""RGB → HSV and RGB → raw per image, against scikit-image and plain numpy.

    python -m benchmarks.spaces [--json]

From 8-bit RGB to float32, one thread, medians after a warm-up. The peer of raw is the published unprocessing
(Brooks et al. 2019) written down in numpy, equation by equation, in both precisions; hue is compared as an
angle in turns.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from leukon.imaging.spaces import Space
from leukon.imaging.spaces.hsv import Hsv
from leukon.imaging.spaces.raw import Raw
from leukon.imaging.unprocess import Unprocessing

SIZES = (256, 256), (640, 480)
RUNS = 15


def published_unprocessing(
    image: np.ndarray, camera: Unprocessing, dtype: type[np.floating[Any]] = np.float64
) -> np.ndarray:
    """Unprocess an 8-bit image as the equations stand in the publication."""
    rgb = image.astype(dtype) / dtype(255)
    contrast = 0.5 - np.sin(np.arcsin(1 - 2 * rgb) / 3)
    linear = np.maximum(contrast, 1e-8) ** 2.2
    raw = linear @ np.array(camera.matrix, dtype).T
    gains = (np.array([1 / camera.red_gain, 1, 1 / camera.blue_gain]) / camera.rgb_gain).astype(dtype)
    grey = raw.mean(axis=-1, keepdims=True)
    mask = (np.maximum(grey - 0.9, 0) / 0.1) ** 2
    return np.clip(raw * np.maximum(mask + (1 - mask) * gains, gains), 0, 1)


def picture(width: int, height: int) -> np.ndarray:
    """Draw smooth patches over the whole range, highlights included."""
    coarse = np.random.default_rng(0).integers(0, 256, (height // 20, width // 20, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def milliseconds(run: Callable[[], object]) -> float:
    run()
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return float(np.median(times)) * 1e3


def compared(space: Space, peer: Callable[[np.ndarray], np.ndarray], image: np.ndarray) -> dict[str, float]:
    difference = np.abs(space.from_rgb(image) - peer(image))
    if space.name == "hsv":
        difference[..., 0] = np.minimum(difference[..., 0], 1 - difference[..., 0])
    own_ms, peer_ms = milliseconds(lambda: space.from_rgb(image)), milliseconds(lambda: peer(image))
    return {
        "leukon_ms": own_ms,
        "peer_ms": peer_ms,
        "ratio": peer_ms / own_ms,
        "difference": float(difference.max()),
    }


def measured() -> list[dict[str, Any]]:
    from skimage.color import rgb2hsv

    raw = Raw()
    pairs = {
        "hsv, scikit-image": (Hsv(), rgb2hsv),
        "raw, numpy float64": (raw, lambda image: published_unprocessing(image, raw)),
        "raw, numpy float32": (raw, lambda image: published_unprocessing(image, raw, np.float32)),
    }
    return [
        {"space": name, "width": width, "height": height, **compared(space, peer, picture(width, height))}
        for name, (space, peer) in pairs.items()
        for width, height in SIZES
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    rows = measured()
    if options.json:
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
        return
    print("space and peer      size     leukon ms  peer ms  ratio  greatest difference")
    for r in rows:
        print(
            f"{r['space']:18}  {r['width']}×{r['height']} {r['leukon_ms']:10.2f} {r['peer_ms']:8.2f} "
            f"{r['ratio']:6.0f}  {r['difference']:.1e}"
        )


if __name__ == "__main__":
    main()
