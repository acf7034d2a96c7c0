"""What families of published networks have in common."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from leukon.models.network import Tensors

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, as pipelines scale inputs


def hub_weights(name: str) -> Callable[[], Tensors]:
    """Return what fetches torchvision's own weights of its network `name`."""

    def fetch() -> Tensors:
        from torchvision.models import get_model

        # By way of the network, which knows the older names of its own weights.
        tensors: Tensors = get_model(name, weights="DEFAULT").state_dict()
        return tensors

    return fetch


def stages(body: nn.Module) -> dict[str, nn.Module]:
    """Name the blocks of a ResNet as its paper does: ``conv2_1`` … ``conv5_3`` (He et al. 2016, table 1)."""
    named = {"conv1": body.get_submodule("relu")}
    for stage in range(1, 5):
        for block, module in enumerate(body.get_submodule(f"layer{stage}").children(), 1):
            named[f"conv{stage + 1}_{block}"] = module
    return named


def scaled_inputs(tensors: Tensors, kernel: str, mean: str) -> Tensors:
    """Fit weights made for inputs in -1…1 to inputs on ImageNet's scale.

    The change is folded into the first kernel and the running mean of the norm after it, which are named;
    exact, since that convolution has no padding and no bias.
    """
    factor, shift = torch.tensor(DEVIATION) / 0.5, (torch.tensor(MEAN) - 0.5) / 0.5
    first = tensors[kernel]
    return tensors | {
        kernel: first * factor[:, None, None],
        mean: tensors[mean] - first.sum(dim=(2, 3)) @ shift,
    }
