"""Centre loss."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from leukon.errors import InputError


class CentreLoss(nn.Module):
    """Mean over the batch of ``½ ‖x_i − c_{y_i}‖²``: features gather around their class's centre.

    In training mode every call then moves the centres by the rule of Wen et al. (2016), which ResNeXt-CC
    takes over: ``c_j ← c_j − α · Σ δ(y_i = j)(c_j − x_i) / (1 + Σ δ(y_i = j))``. The centres start at zero,
    get no gradient, and are part of the module's state.

    Parameters
    ----------
    class_counts : sequence of int
        One entry per class; the number of classes alone counts.
    features : int
        Width of the features.
    alpha : float
        How far a centre moves, 0…1.
    """

    centres: Tensor

    def __init__(self, *, class_counts: Sequence[int], features: int, alpha: float = 0.5) -> None:
        super().__init__()
        if not 0 <= alpha <= 1:
            raise InputError(f"alpha is {alpha}: give a step of the centres, 0…1")
        self.alpha = alpha
        self.register_buffer("centres", torch.zeros(len(class_counts), features))

    def forward(self, logits: Tensor, labels: Tensor, features: Tensor) -> Tensor:  # noqa: ARG002
        """Return the mean over (N, D) `features` and (N,) integer `labels`."""
        away = features - self.centres[labels]
        if self.training:
            self._move(labels, away.detach())
        return away.square().sum(dim=1).mean() / 2

    @torch.no_grad()
    def _move(self, labels: Tensor, away: Tensor) -> None:
        steps = torch.zeros_like(self.centres).index_add_(0, labels, away.to(self.centres.dtype))
        counts = torch.bincount(labels, minlength=len(self.centres))
        self.centres += self.alpha * steps / (1 + counts)[:, None]
