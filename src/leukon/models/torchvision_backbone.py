"""What the families that torchvision holds have in common."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from leukon.models.network import Tensors


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
