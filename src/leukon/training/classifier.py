"""A network in training, seen as a classifier like any other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from leukon.pipeline import Pipeline
from leukon.types import Cell, Prediction, Taxonomy

BATCH_SIZE = 128


@dataclass(frozen=True, eq=False, slots=True)
class NetworkClassifier:
    """Pipeline and network; meets `leukon.types.Classifier`. It names every cell."""

    network: nn.Module
    pipeline: Pipeline
    taxonomy: Taxonomy

    def logits(self, cells: Sequence[Cell]) -> npt.NDArray[np.float32]:
        """Return logits, shape (N, K)."""
        device = next(self.network.parameters()).device
        self.network.eval()
        parts = [np.zeros((0, len(self.taxonomy)), np.float32)]
        with torch.inference_mode():
            for i in range(0, len(cells), BATCH_SIZE):
                batch = torch.from_numpy(self.pipeline.batch(cells[i : i + BATCH_SIZE])).to(device)
                parts.append(self.network(batch).float().cpu().numpy())
        return np.concatenate(parts)

    def predict(self, cells: Sequence[Cell]) -> list[Prediction]:
        """Classify `cells`."""
        shares = torch.from_numpy(self.logits(cells)).softmax(dim=1).numpy()
        return [Prediction(self.taxonomy.names[int(row.argmax())], row) for row in shares]
