"""The weighted softmax loss of ResNeXt-CC."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from leukon.errors import InputError, UnknownNameError


class WSoftmax(nn.Module):
    """Mean of ``−w_y · log p_y``, the weights made of the classes' shares of the training part.

    Source: ResNeXt-CC (Luo et al. 2024), for two classes. Its text weighs the losses by α1, the share of
    normal cells, and α2, that of tumour cells, and wants the smaller class to count more.

    Parameters
    ----------
    class_counts : sequence of int
        Cells of each class in the training part.
    assignment : str
        ``"cross"``: a class of share s weighs (1 − s)/(K − 1), which for two classes is the other's share, so
        that the smaller counts more; ``"own"``: it weighs s. Either way both are times K/2, so that the mean
        weight is 1/2 as in the publication, and the balance with other losses stays (a reconstruction).
    """

    weights: Tensor

    def __init__(self, *, class_counts: Sequence[int], assignment: str = "cross") -> None:
        super().__init__()
        counts = torch.as_tensor(class_counts, dtype=torch.float64)
        if len(counts) < 2 or counts.min() < 0 or counts.sum() == 0:
            raise InputError(f"class counts are {list(class_counts)}: w_softmax needs two classes with cells")
        shares = counts / counts.sum()
        if assignment == "cross":
            shares = (1 - shares) / (len(shares) - 1)
        elif assignment != "own":
            raise UnknownNameError("assignment of w_softmax", assignment, ("cross", "own"))
        self.register_buffer("weights", (shares * len(shares) / 2).float())

    def forward(self, logits: Tensor, labels: Tensor, features: Tensor) -> Tensor:  # noqa: ARG002
        """Return the mean over (N, K) `logits` and (N,) integer `labels`."""
        log_p = logits.log_softmax(dim=1).gather(1, labels[:, None])[:, 0]
        return -(self.weights[labels] * log_p).mean()
