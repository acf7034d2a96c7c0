"""Cross-entropy."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class CrossEntropy(nn.Module):
    """Mean cross-entropy, optionally with smoothed labels (Szegedy et al. 2016).

    Parameters
    ----------
    smoothing : float
        Share of the target spread evenly over all classes, 0…1.
    """

    def __init__(self, smoothing: float = 0.0) -> None:
        super().__init__()
        self.smoothing = smoothing

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the mean over (N, K) `logits` and (N,) integer `labels`."""
        return functional.cross_entropy(logits, labels, label_smoothing=self.smoothing)
