"""Cross-entropy."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from leukon.errors import InputError


class CrossEntropy(nn.Module):
    """Mean cross-entropy, optionally with smoothed labels (Szegedy et al. 2016).

    Parameters
    ----------
    smoothing : float
        Share of the target spread evenly over all classes, 0…1.
    """

    def __init__(self, *, smoothing: float = 0.0) -> None:
        super().__init__()
        if not 0 <= smoothing <= 1:
            raise InputError(f"smoothing is {smoothing}: give a share, 0…1")
        self.smoothing = smoothing

    def forward(self, logits: Tensor, labels: Tensor, features: Tensor) -> Tensor:  # noqa: ARG002
        """Return the mean over (N, K) `logits` and (N,) integer `labels`."""
        return functional.cross_entropy(logits, labels, label_smoothing=self.smoothing)
