"""Any classifier of the timm library."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from leukon.errors import InputError, UnknownNameError
from leukon.models.weights import read_weights


def build(classes: int, variant: str, weights: Path | None, *, pretrained: bool) -> nn.Module:
    """Build timm's network `variant` with `classes` outputs.

    Raises
    ------
    UnknownNameError
        If timm has no such network.
    InputError
        If the pretrained weights cannot be fetched or do not fit.
    """
    import timm

    if not timm.is_model(variant):
        raise UnknownNameError(
            "timm network", variant, timm.list_models(f"{variant[:6]}*")[:8] or ["resnet18"]
        )
    try:
        network: nn.Module = timm.create_model(
            variant, num_classes=classes, pretrained=pretrained and weights is None
        )
    except Exception as error:  # the hub client raises many kinds
        if not pretrained:
            raise
        reason = str(error).splitlines()[0]
        raise InputError(
            f"cannot fetch weights of {variant} ({reason}): give --weights FILE or --no-pretrained"
        ) from error
    if weights is not None:
        read_weights(network, weights)
    return network
