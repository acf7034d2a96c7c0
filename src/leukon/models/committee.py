"""Several trained networks that decide together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from leukon.models.network import Network


class Committee(Network):
    """Networks whose common opinion is the geometric mean of their probabilities.

    Networks that were trained apart err apart, most of all on imaging systems that none has seen (after
    Lakshminarayanan et al., Simple and Scalable Predictive Uncertainty Estimation, 2017).

    Parameters
    ----------
    members : sequence of (Network, int)
        Each with the side, in px, of the images that it was trained on; larger or smaller ones are resized to
        it. All name the same classes.
    """

    def __init__(self, members: Sequence[tuple[Network, int]]) -> None:
        networks, self.sides = zip(*members, strict=True)
        super().__init__(nn.Identity(), nn.Identity(), features=sum(one.features for one in networks))
        self.members: Any = nn.ModuleList(networks)

    def embed(self, batch: Tensor) -> Tensor:
        """Return the features of all members side by side."""
        parts = []
        for member, side in zip(self.members, self.sides, strict=True):
            seen = batch
            if side != batch.shape[-1]:
                seen = nn.functional.interpolate(batch, (side, side), mode="bilinear", align_corners=False)
            parts.append(member.embed(seen))
        return torch.cat(parts, dim=1)

    def classify(self, features: Tensor) -> Tensor:
        """Return the mean of the members' logarithms of probabilities, shape (N, K)."""
        return _mean([member.classify(part) for member, part in self._apart(features)])

    def abroad(self, features: Tensor) -> Tensor | None:
        """Return the same of what they say abroad, where any of them knows better than at home."""
        known = [(member.abroad(part), member, part) for member, part in self._apart(features)]
        if all(logits is None for logits, *_ in known):
            return None
        return _mean([member.classify(part) if logits is None else logits for logits, member, part in known])

    def _apart(self, features: Tensor) -> list[tuple[Network, Tensor]]:
        widths = [member.features for member in self.members]
        return list(zip(self.members, torch.split(features, widths, dim=1), strict=True))


def _mean(opinions: Sequence[Tensor]) -> Tensor:
    return torch.stack([logits.log_softmax(dim=1) for logits in opinions]).mean(dim=0)
