"""Focal loss."""

from __future__ import annotations

from torch import Tensor, nn

from leukon.errors import InputError


class FocalLoss(nn.Module):
    """Mean of ``−(1 − p)^γ · log p``, p the probability of the true class (Lin et al. 2017).

    Parameters
    ----------
    gamma : float
        How much less cells count that are already named with confidence; 0 is cross-entropy.
    """

    def __init__(self, *, gamma: float = 2.0) -> None:
        super().__init__()
        if gamma < 0:
            raise InputError(f"gamma is {gamma}: give 0 or more")
        self.gamma = gamma

    def forward(self, logits: Tensor, labels: Tensor, features: Tensor) -> Tensor:  # noqa: ARG002
        """Return the mean over (N, K) `logits` and (N,) integer `labels`."""
        log_p = logits.log_softmax(dim=1).gather(1, labels[:, None])[:, 0]
        # expm1 keeps 1 − p exact where p is nearly one; at zero the power would have no gradient.
        rest = (-log_p.expm1()).clamp_min(1e-12)
        return -(rest**self.gamma * log_p).mean()
