"""Losses. Adding one is one file and one line in `LOSSES`.

Every loss is a module called as ``loss(logits, labels, features)``: logits (N, K), integer labels (N,), and
the features (N, D) that the logits came from. It returns a scalar, the mean over the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import nn

from leukon.errors import UnknownNameError
from leukon.losses.centre import CentreLoss
from leukon.losses.cross_entropy import CrossEntropy
from leukon.losses.focal import FocalLoss
from leukon.losses.w_softmax import WSoftmax
from leukon.losses.weighted_sum import WeightedSum
from leukon.registry import look_up, options_of

LOSSES: dict[str, Callable[..., nn.Module]] = {
    "cross_entropy": CrossEntropy,
    "focal": FocalLoss,
    "w_softmax": WSoftmax,
    "centre": CentreLoss,
    "weighted_sum": WeightedSum,
}
DEFAULT_PARTS = (("w_softmax", 1.0), ("centre", 0.05))  # ResNeXt-CC's


def build_loss(
    name: str, options: Mapping[str, Any], *, class_counts: Sequence[int], features: int
) -> nn.Module:
    """Build the loss `name` with its `options`.

    Parameters
    ----------
    name : str
        A key of `LOSSES`.
    options : mapping
        Its settings. Those of ``"weighted_sum"`` are ``parts``, a list of ``[name, weight]`` or
        ``[name, weight, options]``; by default ResNeXt-CC's ``1 · w_softmax + 0.05 · centre``.
    class_counts : sequence of int
        Cells of each class in the training part.
    features : int
        Width of the features.

    Raises
    ------
    UnknownNameError
        If there is no such loss or option.
    InputError
        If an option has no such value.

    Examples
    --------
    >>> build_loss("focal", {"gamma": 1.5}, class_counts=[30, 10], features=8).gamma
    1.5
    """
    loss = look_up("loss", name, LOSSES)
    if loss is WeightedSum:
        parts = [
            (build_loss(part, *rest or [{}], class_counts=class_counts, features=features), weight)
            for part, weight, *rest in options.get("parts", DEFAULT_PARTS)
        ]
        return WeightedSum([part for part, _ in parts], weights=[weight for _, weight in parts])
    known = options_of(loss)
    data = {"class_counts": class_counts, "features": features}
    for option in options:
        if option not in known - set(data):
            raise UnknownNameError(f"option of loss {name}", option, known - set(data) or {"(none)"})
    return loss(**options, **{key: value for key, value in data.items() if key in known})
