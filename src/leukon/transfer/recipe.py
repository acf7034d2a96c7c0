"""How each method is trained; variants by `dataclasses.replace`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from leukon.transfer.discriminator import DiscriminatorSpec
from leukon.transfer.generator import GeneratorSpec
from leukon.transfer.objectives import Weights


@dataclass(frozen=True, slots=True)
class TransferRecipe:
    """Two generators, their losses and their schedule.

    Attributes
    ----------
    weights : Weights
        Of the losses.
    batch_size, side_px : int
        Pictures in a step, and the side of the square that is cut from each; turned by right angles.
    steps : int
        Iterations; in each the discriminators are trained, then one generator, then the other.
    rate : float
        Learning rate of Adam (β 0.9 and 0.999, ε 1e-7), the same throughout.
    averaging : float
        Decay of the running average of the generator's weights that is kept; 0 for none, as published.
    checkpoint_every : int
        Steps between checkpoints and sample sheets.
    seed : int
        Of everything random.
    """

    weights: Weights
    generator: GeneratorSpec = field(default_factory=GeneratorSpec)
    discriminator: DiscriminatorSpec = field(default_factory=DiscriminatorSpec)
    batch_size: int = 4
    side_px: int = 256
    steps: int = 50_000
    rate: float = 2e-4
    averaging: float = 0.0
    checkpoint_every: int = 500
    seed: int = 0

    @property
    def is_paired(self) -> bool:
        """Whether it learns from aligned pairs."""
        return self.weights.paired > 0 or self.weights.feature > 0

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


PUBLISHED = {
    "ccgan": TransferRecipe(Weights(adversarial=1, paired=10)),
    "pcnet": TransferRecipe(Weights(paired=10, feature=10), batch_size=2),
    "cyclegan": TransferRecipe(Weights(adversarial=1)),
}
"""As the paper has them; CycleGAN is ccGAN without pairs."""

_SMALL = GeneratorSpec((16, 32, 64), adds=True, padding="replicate")


def small(recipe: TransferRecipe) -> TransferRecipe:
    """Return a variant that trains in minutes on two cores: narrow networks that add to the picture.

    Both start as the identity, where the cycle loss pulls back as hard as the paired loss of equal λ pulls
    forth, so that pairs weigh three times as much.
    """
    is_gram = recipe.weights.feature > 0  # matrices of few pictures lead astray
    return replace(
        recipe,
        weights=replace(recipe.weights, paired=3 * recipe.weights.paired),
        generator=_SMALL,
        discriminator=DiscriminatorSpec((16, 32, 64, 64)),
        batch_size=4 if is_gram else 2,
        side_px=64 if is_gram else 96,
        steps=2500,
        rate=5e-4 if is_gram else 1e-3,
        averaging=0.995,
        checkpoint_every=250,
    )


RECIPES = {
    "published": PUBLISHED,
    "small": {name: small(recipe) for name, recipe in PUBLISHED.items()},
}
"""By size, then by method."""
