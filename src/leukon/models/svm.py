"""Support vector machines (Cortes & Vapnik 1995) as the head of a network."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

Kernel = Literal["rbf", "linear"]


class SvmHead(nn.Module):
    """One machine per class against all others, on standardised features; a logit is a signed distance.

    Parameters
    ----------
    features, classes, vectors : int
        D, K, and the number of support vectors, which the machines share.
    kernel : {"rbf", "linear"}
        ``exp(-‖x - v‖² / D)``, or ``x · v / D``.

    Attributes
    ----------
    mean, deviation : Tensor, shape (D,)
        Of the training part's features.
    vectors : Tensor, shape (S, D)
        Standardised support vectors.
    weights : Tensor, shape (S, K)
        Their dual coefficients; 0 where a machine does not rest on a vector.
    bias : Tensor, shape (K,)
    """

    mean: Tensor
    deviation: Tensor
    vectors: Tensor
    weights: Tensor
    bias: Tensor

    def __init__(self, features: int, classes: int, vectors: int, *, kernel: Kernel) -> None:
        super().__init__()
        self.kernel = kernel
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("deviation", torch.ones(features))
        self.register_buffer("vectors", torch.zeros(vectors, features))
        self.register_buffer("weights", torch.zeros(vectors, classes))
        self.register_buffer("bias", torch.zeros(classes))

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, D) to (N, K)."""
        x = (features - self.mean) / self.deviation
        products = x @ self.vectors.T
        if self.kernel == "rbf":
            distances = x.square().sum(dim=1, keepdim=True) + self.vectors.square().sum(dim=1) - 2 * products
            similar = (-distances / self.vectors.shape[1]).exp()
        else:
            similar = products / self.vectors.shape[1]
        logits: Tensor = similar @ self.weights + self.bias
        return logits
