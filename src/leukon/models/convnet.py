"""The small ConvNet whose settings Bayesian optimisation finds: three convolutions, two poolings between."""

from __future__ import annotations

from itertools import pairwise

from torch import nn

from leukon.errors import InputError
from leukon.models.network import GridPool, Network

GRID = 4  # the last maps are averaged to so many rows and columns, so that any image fits


def convnet(classes: int, *, channels: int, filters: int = 32, kernel: int = 5, hidden: int = 128) -> Network:
    """Build it: convolutions of `filters`, twice and four times as many, a dense layer, and the classifier.

    `leukon tune` searches the options. The work that compares it gives three convolutions, two poolings
    between them, a fully connected layer and a softmax; the rest is a reconstruction.

    Raises
    ------
    InputError
        If the kernel is even, or a number is not positive.
    """
    if kernel % 2 == 0 or min(kernel, filters, hidden) < 1:
        raise InputError(
            f"convnet cannot have kernel={kernel}, filters={filters}, hidden={hidden}: give an odd kernel "
            "and positive numbers"
        )
    widths = channels, filters, 2 * filters, 4 * filters
    convs = [
        nn.Sequential(nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False),
                      nn.BatchNorm2d(outputs), nn.ReLU())
        for inputs, outputs in pairwise(widths)
    ]  # fmt: skip
    dense = nn.Sequential(nn.Linear(4 * filters * GRID * GRID, hidden), nn.ReLU())
    body = nn.Sequential(
        convs[0], nn.MaxPool2d(2), convs[1], nn.MaxPool2d(2), convs[2], GridPool(GRID), nn.Flatten(), dense
    )
    layers = {f"conv{i}": conv for i, conv in enumerate(convs, 1)}
    return Network(body, nn.Linear(hidden, classes), features=hidden, layers=layers)
