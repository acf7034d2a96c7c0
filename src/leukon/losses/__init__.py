"""Losses. Adding one is one file and one line in `LOSSES`."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from leukon.losses.cross_entropy import CrossEntropy

LOSSES: dict[str, Callable[..., nn.Module]] = {
    "cross_entropy": CrossEntropy,
}
