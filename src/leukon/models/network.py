"""What every network is: a body that gives features, and a head that names classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Self

import torch
from torch import Tensor, nn

from leukon.registry import look_up

Tensors = dict[str, Tensor]

MAX_GROUPS = 32  # of GroupNorm, as its authors found best (Wu & He 2018)


@dataclass(frozen=True, slots=True)
class Published:
    """How weights made elsewhere are named, and where they are.

    Attributes
    ----------
    names : tuple of (str, str)
        Beginnings of names in published files and what stands for them here; the first that fits counts.
    added : tuple of str
        Beginnings of our names that published weights do not hold: they start afresh.
    ignored : tuple of str
        Beginnings of published names that have no place here.
    hub : callable, optional
        Fetches the weights under their published names.
    """

    names: tuple[tuple[str, str], ...] = (("fc.", "head."), ("", "body."))
    added: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    hub: Callable[[], Tensors] | None = None


class Network(nn.Module):
    """A body from (N, C, H, W) to features (N, D), and a head from these to logits (N, K).

    Parameters
    ----------
    body : Module
        Whole, pooling included.
    head : Module
        The classifier alone.
    features : int
        D.
    layers : mapping of str to Module, optional
        The field's names of the layers that explanations look at, such as ``"conv5_3"`` or ``"block_12"``;
        what these modules return is (N, channels, height, width), or (N, tokens, width) in transformers.
    published : Published, optional
        How weights made elsewhere fit.

    Attributes
    ----------
    started : str
        What the weights started from, in a phrase; empty for a random start.
    """

    def __init__(
        self,
        body: nn.Module,
        head: nn.Module,
        *,
        features: int,
        layers: Mapping[str, nn.Module] | None = None,
        published: Published | None = None,
    ) -> None:
        super().__init__()
        self.body = body
        self.head = head
        self.features = features
        self.published = published or Published()
        self.started = ""
        self._frozen: tuple[str, ...] = ()
        # Paths instead of the modules: a copy of the network must name its own.
        paths = {id(module): path for path, module in self.named_modules()}
        self._layers = {name: paths[id(module)] for name, module in (layers or {}).items()}

    @property
    def device(self) -> torch.device:
        """Where the network lies."""
        return next(chain(self.parameters(), self.buffers())).device

    def embed(self, batch: Tensor) -> Tensor:
        """Return the features, shape (N, D), of a batch of shape (N, C, H, W)."""
        features: Tensor = self.body(batch)
        return features

    def classify(self, features: Tensor) -> Tensor:
        """Return logits, shape (N, K), of features of shape (N, D)."""
        logits: Tensor = self.head(features)
        return logits

    def opinions(self, features: Tensor) -> tuple[Tensor, ...]:
        """Return the logits, each of shape (N, K), that training holds against the labels one by one."""
        return (self.classify(features),)

    def abroad(self, features: Tensor) -> Tensor | None:  # noqa: ARG002
        """Return the logits for cells of an imaging system unlike those of training; None for the same."""
        return None

    def forward(self, batch: Tensor) -> Tensor:
        """Return logits, shape (N, K), of a batch of shape (N, C, H, W)."""
        return self.classify(self.embed(batch))

    def layers(self) -> dict[str, nn.Module]:
        """Return the layers that explanations look at, by the field's names, from first to last."""
        return {name: self.get_submodule(path) for name, path in self._layers.items()}

    def freeze(self, last: str | None = None) -> None:
        """Leave what comes after layer `last` to training; by default the head alone.

        Of the body, everything up to and including that layer, one of `layers`, keeps its weights and its
        running statistics.

        Raises
        ------
        UnknownNameError
            If there is no such layer.
        """
        paths = [name for name, _ in self.body.named_modules(prefix="body")]  # in the order of building
        holders: set[str] = set()
        if last is not None:
            end = look_up("layer", last, self._layers)
            paths = paths[: max(i for i, p in enumerate(paths) if p == end or p.startswith(f"{end}.")) + 1]
            # What holds the layer may hold later ones too, and is no part of what stays put.
            holders = {end[:i] for i, character in enumerate(end) if character == "."}
        for path in paths:
            for parameter in self.get_submodule(path).parameters(recurse=False):
                parameter.requires_grad = False
        self._frozen = tuple(path for path in paths if path not in holders)
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """Set training mode; what is frozen stays in evaluation mode."""
        super().train(mode)
        for path in self._frozen:
            self.get_submodule(path).training = False
        return self


class DroppedLinear(nn.Linear):
    """A linear layer with dropout before it, so that features stay whole."""

    def __init__(self, inputs: int, outputs: int, *, dropout: float) -> None:
        super().__init__(inputs, outputs)
        self.dropout = dropout

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, inputs) to (N, outputs)."""
        return super().forward(nn.functional.dropout(features, self.dropout, self.training))


def tuning_head(body: nn.Module, features: int, classes: int, *, dropout: float) -> DroppedLinear:
    """Build a head of small weights for short fine-tuning, and let running statistics follow as fast."""
    for module in body.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.05
    head = DroppedLinear(features, classes, dropout=dropout)
    nn.init.normal_(head.weight, std=0.01)
    nn.init.zeros_(head.bias)
    return head


class GridPool(nn.AdaptiveAvgPool2d):
    """Adaptive mean pooling to `side` by `side` that goes to ONNX from maps of any size."""

    def __init__(self, side: int) -> None:
        super().__init__(side)
        self.side = side

    def forward(self, maps: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C, side, side)."""
        if not torch.onnx.is_in_onnx_export():
            return super().forward(maps)
        # ONNX has no such pooling where the windows differ in size: there it is two matrix products.
        rows, columns = (_windows(int(size), self.side).to(maps) for size in maps.shape[-2:])
        return rows @ maps @ columns.T


def _windows(size: int, count: int) -> Tensor:
    """Return the weight of each of `size` places in each of `count` means, shape (count, size)."""
    weights = torch.zeros(count, size)
    for i in range(count):
        weights[i, i * size // count : -(-(i + 1) * size // count)] = 1
    return weights / weights.sum(dim=1, keepdim=True)


def take_channels(body: nn.Module, channels: int) -> None:
    """Make the first convolution of `body` read `channels` planes."""
    name, first = next((n, m) for n, m in body.named_modules() if isinstance(m, nn.Conv2d))
    if first.in_channels == channels:
        return
    changed = nn.Conv2d(
        channels,
        first.out_channels,
        first.kernel_size,  # type: ignore[arg-type]
        first.stride,  # type: ignore[arg-type]
        first.padding,  # type: ignore[arg-type]
        bias=first.bias is not None,
    )
    _replace(body, name, changed)


def swap_norms(network: nn.Module) -> int:
    """Put GroupNorm in the place of every BatchNorm, affine parameters kept; return how many there were.

    The number of groups is the largest divisor of the number of channels up to 32 (Wu & He 2018).
    """
    norms = [(n, m) for n, m in network.named_modules() if isinstance(m, nn.BatchNorm2d)]
    for name, norm in norms:
        channels = norm.num_features
        groups = next(g for g in range(min(MAX_GROUPS, channels), 0, -1) if channels % g == 0)
        if hasattr(norm, "act"):  # timm's, with the activation inside
            from timm.layers import GroupNormAct

            swapped = GroupNormAct(channels, groups, norm.eps)
            swapped.drop, swapped.act = norm.drop, norm.act
        else:
            swapped = nn.GroupNorm(groups, channels, norm.eps, affine=norm.affine)
        if norm.affine:
            with torch.no_grad():
                swapped.weight.copy_(norm.weight)
                swapped.bias.copy_(norm.bias)
        _replace(network, name, swapped)
    return len(norms)


def _replace(module: nn.Module, path: str, new: nn.Module) -> None:
    parent, _, name = path.rpartition(".")
    setattr(module.get_submodule(parent), name, new)
