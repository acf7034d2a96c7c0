"""What the networks are trained to make small."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

_LEAST = 1e-7


@dataclass(frozen=True, slots=True)
class Weights:
    """The λ of each loss; 0 leaves it out, and with it the networks that it alone needs."""

    adversarial: float = 0.0
    cycle: float = 10.0
    identity: float = 10.0
    paired: float = 0.0
    feature: float = 0.0


def generator_loss(
    weights: Weights,
    networks: tuple[nn.Module, nn.Module, nn.Module | None, nn.Module | None],
    a: Tensor,
    b: Tensor,
) -> Tensor:
    """Return equation (6) or (7) for one generator: the terms that depend on it.

    Parameters
    ----------
    networks : tuple
        The generator from `a`'s system to `b`'s, the one back, the discriminator of `b`'s system and the
        perceptual network; None for those that no loss needs.
    a, b : Tensor, shape (N, 3, H, W)
        Pictures of both systems, -1…1; row by row the same cells where pairs matter.
    """
    own, back, critic, eye = networks
    made = own(a)
    with torch.no_grad():
        other = back(b)
    loss = weights.cycle * (distance(back(made), a) + distance(own(other), b))
    loss = loss + weights.identity * distance(own(b), b)
    if weights.paired:
        loss = loss + weights.paired * distance(made, b)
    if critic is not None:
        loss = loss - weights.adversarial * _log(critic(made))
    if eye is not None:
        with torch.no_grad():
            wanted = gram(eye(b))
        loss = loss + weights.feature * (gram(eye(made)) - wanted).square().sum(dim=(1, 2)).mean()
    return loss


def critic_loss(critic: nn.Module, real: Tensor, made: Tensor) -> Tensor:
    """Return equation (1)."""
    return -(_log(critic(real)) + _log(1 - critic(made))) / 2


def distance(a: Tensor, b: Tensor) -> Tensor:
    """Return the L1 norm of the difference, as a mean."""
    return (a - b).abs().mean()


def gram(features: Tensor) -> Tensor:
    """Return the Gram matrices (N, C, C) of features (N, C, H, W), divided by C·H·W.

    References
    ----------
    Johnson, Alahi, Li: Perceptual losses for real-time style transfer and super-resolution (2016).
    """
    flat = features.float().flatten(2)
    return flat @ flat.transpose(1, 2) / (flat.shape[1] * flat.shape[2])


def _log(probability: Tensor) -> Tensor:
    return probability.clamp(_LEAST, 1).log().mean()
