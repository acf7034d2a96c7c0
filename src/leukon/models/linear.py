"""No network: what the pipeline gives, and a linear classifier."""

from __future__ import annotations

from torch import nn

from leukon.models.network import Network


def linear(classes: int, *, channels: int, image_size: int = 1) -> Network:
    """Build it for pictures of `image_size` px, or for measurements, which are pictures of one pixel."""
    features = channels * image_size * image_size
    return Network(nn.Flatten(), nn.Linear(features, classes), features=features)
