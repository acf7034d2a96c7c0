"""Losses. Adding one is one file and one line in `LOSSES`.

Every loss is a module called as ``loss(logits, labels, features)``: logits (N, K), integer labels (N,), and
the features (N, D) that the logits came from. It returns a scalar, the mean over the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import nn

from leukon.errors import InputError, UnknownNameError
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
    data = {"class_counts": class_counts, "features": features}
    known = {"parts"} if loss is WeightedSum else options_of(loss)
    settable = known - set(data)
    for option in options:
        if option not in settable:
            raise UnknownNameError(f"option of loss {name}", option, settable)
    if loss is not WeightedSum:
        return loss(**options, **{key: value for key, value in data.items() if key in known})
    losses, weights = [], []
    for part in options.get("parts", DEFAULT_PARTS):
        if len(part) not in (2, 3):
            raise InputError(f"part {part!r} of weighted_sum: give [name, weight] or [name, weight, options]")
        name, weight, *rest = part
        losses.append(build_loss(name, *rest or [{}], class_counts=class_counts, features=features))
        weights.append(weight)
    return WeightedSum(losses, weights=weights)
