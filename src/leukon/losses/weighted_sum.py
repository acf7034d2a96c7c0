"""Several losses at once."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from leukon.errors import InputError


class WeightedSum(nn.Module):
    """``Σ weight · loss``, as ResNeXt-CC's ``1 · w_softmax + 0.05 · centre``.

    Parameters
    ----------
    parts : sequence of Module
        The losses.
    weights : sequence of float
        One for each.
    """

    def __init__(self, parts: Sequence[nn.Module], *, weights: Sequence[float]) -> None:
        super().__init__()
        if not parts:
            raise InputError("a weighted sum of losses has no parts: name one at least")
        self.parts = nn.ModuleList(parts)
        self.weights = tuple(weights)

    def forward(self, logits: Tensor, labels: Tensor, features: Tensor) -> Tensor:
        """Return the weighted sum of the parts."""
        losses = [part(logits, labels, features) for part in self.parts]
        return torch.stack([w * loss for w, loss in zip(self.weights, losses, strict=True)]).sum()
