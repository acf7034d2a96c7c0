"""Grad-CAM (Selvaraju et al. 2017) of convolutional networks and of vision transformers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from math import isqrt
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from leukon.errors import InputError, UnknownNameError
from leukon.explain.attribution import Attribution
from leukon.training.run import NetworkClassifier
from leukon.types import Cell


def gradcam(
    classifier: NetworkClassifier, cell: Cell, *, layers: Sequence[str], label: str
) -> tuple[Attribution, ...]:
    """Map what speaks for `label` in each of `layers`.

    A layer's channels are weighted by their mean gradient and summed; what is negative becomes 0. A
    transformer's block is read at its input, since after the last one only the class token counts; its
    tokens are laid out on their grid and those that stand for no patch left out.

    Parameters
    ----------
    classifier : NetworkClassifier
    cell : Cell
    layers : sequence of str
        Names of `named_layers`; empty for the last that holds a map.
    label : str
        A class of the classifier.

    Raises
    ------
    UnknownNameError
        If there is no such layer or class.
    InputError
        If a layer holds no map.
    """
    index = classifier.taxonomy.index(label)
    network = classifier.network.eval()
    known = named_layers(network)
    for name in layers:
        if name not in known:
            raise UnknownNameError("layer", name, known)
    device = next(chain(network.parameters(), network.buffers())).device
    batch = torch.from_numpy(classifier.pipeline.batch([cell])).to(device).requires_grad_()
    taken: dict[str, Tensor] = {}
    hooks = [
        known[name].register_forward_hook(_taker(name, taken), with_kwargs=True)
        for name in layers or list(known)
    ]
    try:
        with torch.enable_grad():
            logit = network(batch)[0, index]
    finally:
        for hook in hooks:
            hook.remove()
    if not layers:
        if not taken:
            raise InputError("the network has no layer that holds a map: use --layers occlusion")
        layers = list(taken)[-1:]
    for name in layers:
        if name not in taken:
            raise InputError(f"layer {name!r} holds no map of the cell: choose another with --layers")
    maps = [taken[name] for name in layers]
    gradients = torch.autograd.grad(logit, maps, allow_unused=True)
    side = classifier.pipeline.frame.side_px
    return tuple(
        Attribution(name, _map(values, gradient, side))
        for name, values, gradient in zip(layers, maps, gradients, strict=True)
    )


def named_layers(network: nn.Module) -> Mapping[str, nn.Module]:
    """Return the layers that a network names itself, by ``layers()``, or else all its modules."""
    own = getattr(network, "layers", None)
    if callable(own) and not isinstance(own, nn.Module):
        named: Mapping[str, nn.Module] = own()
        return named
    return {name: module for name, module in network.named_modules() if name}


def _taker(name: str, taken: dict[str, Tensor]) -> Any:
    def take(_module: nn.Module, inputs: tuple[Any, ...], _named: dict[str, Any], output: Any) -> None:
        if not isinstance(output, Tensor) or not output.requires_grad:
            return
        if output.ndim == 4 and min(output.shape[2:]) > 1:
            taken[name] = output
        elif output.ndim == 3 and inputs and isinstance(inputs[0], Tensor) and inputs[0].ndim == 3:
            taken[name] = inputs[0]

    return take


def _map(values: Tensor, gradient: Tensor | None, side_px: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    if gradient is None:
        return np.zeros((side_px, side_px), np.float32)
    if values.ndim == 3:
        values, gradient = _on_grid(values), _on_grid(gradient)
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    found = functional.relu((weights * values).sum(dim=1, keepdim=True)).detach().float()
    found = functional.interpolate(found, size=(side_px, side_px), mode="bilinear", align_corners=False)
    return np.asarray(found[0, 0].cpu().numpy())


def _on_grid(tokens: Tensor) -> Tensor:
    """Lay tokens (N, T, D) out as (N, D, G, G); class tokens come first and are left out."""
    side = isqrt(tokens.shape[1])
    patches = tokens[:, tokens.shape[1] - side**2 :]
    return patches.transpose(1, 2).reshape(len(tokens), -1, side, side)
