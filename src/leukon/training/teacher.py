"""A trained network that another learns from, besides the labels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from leukon.errors import InputError
from leukon.models import Network
from leukon.pipeline import Pipeline
from leukon.training.run import load_classifier
from leukon.types import Taxonomy


@dataclass(frozen=True, slots=True)
class Distillation:
    """How far a network learns from a teacher's probabilities instead of the labels.

    Attributes
    ----------
    run : str
        Folder of the teacher's run; empty for none.
    share : float
        Of the teacher in the loss, 0…1; the labels have the rest.
    temperature : float
        What both networks' logits are divided by, so that what the teacher holds for less likely counts too.

    References
    ----------
    Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network", 2015.
    """

    run: str = ""
    share: float = 0.5
    temperature: float = 2.0


class Teacher:
    """The teacher of a training.

    Parameters
    ----------
    plan : Distillation
    pipeline : Pipeline
        What the pupil sees; the teacher must see the same, perhaps at another size.
    taxonomy : Taxonomy
        The pupil's classes.
    device : device
        Where both compute.

    Raises
    ------
    InputError
        If the run cannot be read, or its network sees something else or knows other classes.
    """

    def __init__(
        self, plan: Distillation, pipeline: Pipeline, taxonomy: Taxonomy, device: torch.device
    ) -> None:
        found = load_classifier(Path(plan.run))
        own, theirs = (
            {**one.to_dict(), "frame": {**one.to_dict()["frame"], "side_px": 0}}
            for one in (pipeline, found.pipeline)
        )
        if theirs != own or found.taxonomy.names != taxonomy.names:
            raise InputError(
                f"the teacher in {plan.run} knows other classes, or sees cells in another space, scale or "
                f"frame: train one that differs in its network and size alone"
            )
        self._plan = plan
        self._side = found.pipeline.frame.side_px * found.pipeline.space.pixels_per_sample
        self._network: Network = found.network.to(device).eval()

    @torch.no_grad()
    def opinions(self, batch: Tensor, count: int) -> tuple[Tensor, ...]:
        """Return `count` of the teacher's log-probabilities, each (N, K), of the pupil's batch (N, C, H, W).

        A teacher of more or fewer opinions than that has the common one for each.
        """
        if batch.shape[-1] != self._side:
            sides = self._side, self._side
            batch = functional.interpolate(batch, sides, mode="bilinear", antialias=True)
        network, temperature = self._network, self._plan.temperature
        features = network.embed(batch.contiguous(memory_format=torch.channels_last))
        said = network.opinions(features)
        if len(said) != count:
            said = (network.classify(features),) * count
        return tuple((logits.float() / temperature).log_softmax(dim=1) for logits in said)

    def taught(self, loss: Tensor, opinions: tuple[Tensor, ...], batch: Tensor) -> Tensor:
        """Return the loss of the labels and what the pupil's `opinions` differ from the teacher's, in one."""
        share, temperature = self._plan.share, self._plan.temperature
        apart = [
            functional.kl_div(
                (own.float() / temperature).log_softmax(dim=1), theirs, reduction="batchmean", log_target=True
            )
            for own, theirs in zip(opinions, self.opinions(batch, len(opinions)), strict=True)
        ]
        # Its gradients shrink with the square of the temperature.
        return (1 - share) * loss + share * temperature**2 * torch.stack(apart).sum()
