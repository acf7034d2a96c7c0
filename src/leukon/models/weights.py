"""Starting a network from weights made elsewhere."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from leukon.errors import InputError
from leukon.models.network import Network, Tensors

SHOWN = 3  # names of each kind in a message
WRAPPERS = r"^(module\.|_orig_mod\.)+"  # DataParallel's and torch.compile's
STEPS = "num_batches_tracked"  # which weights files may lack
STATISTICS = "running_mean", "running_var", STEPS
# torchvision's DenseNet weights of 2017 write norm.1 for norm1.
OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|conv))\.(\d)\.")


def read_tensors(path: Path) -> Tensors:
    """Read a weights file, ``.safetensors`` or a state dict saved by torch (plain tensors alone are read).

    Raises
    ------
    InputError
        If the file is missing, damaged, or holds something else.
    """
    try:
        if path.suffix == ".safetensors":
            return {name: tensor.float() for name, tensor in load_file(path).items()}
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged files make the readers fail in many ways
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"cannot read weights {path}: {reason}; give a .safetensors or .pth file of tensors"
        ) from error
    for key in ("state_dict", "network", "model"):  # as Leukon and others wrap them
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    tensors = (
        {n: t for n, t in content.items() if isinstance(t, Tensor)} if isinstance(content, Mapping) else {}
    )
    if not tensors:
        raise InputError(f"cannot read weights {path}: it holds no tensors by name; give a saved state dict")
    return {name: tensor.float() for name, tensor in tensors.items()}


def fit_weights(network: Network, tensors: Tensors, source: str) -> str:
    """Copy `tensors` into `network` and say in a phrase what was done.

    Names may be published ones or our own, with or without the prefixes of DataParallel and torch.compile. A
    classifier that is absent or made for other classes starts afresh. A first layer made for three planes is
    adapted to others (`adapted_kernel`), positions of a transformer to another size (`resized_positions`).

    Raises
    ------
    InputError
        If the tensors are for another network: how many keys are missing, unexpected or of another shape,
        and the first few.
    """
    own = network.state_dict()
    found: Tensors = {}
    unexpected: list[str] = []
    misshapen: dict[str, str] = {}
    remarks: list[str] = []
    for published, tensor in tensors.items():
        name = _own_name(published, network, own)
        if name is None:
            continue
        if name not in own:
            unexpected.append(published)
            continue
        fitted, remark = _fitted(name, tensor, own[name].shape)
        if fitted.shape == own[name].shape:
            found[name] = fitted
            remarks += [remark] if remark else []
        elif not name.startswith("head."):
            misshapen[name] = f"{published} {tuple(tensor.shape)} for {tuple(own[name].shape)}"
    optional = ("head.", *network.published.added)
    missing = [
        name
        for name in own
        if name not in found and name not in misshapen
        and not name.startswith(optional) and not name.endswith(STEPS)
    ]  # fmt: skip
    kinds = {"missing": missing, "unexpected": unexpected, "of another shape": list(misshapen.values())}
    if any(kinds.values()):
        told = "; ".join(f"{len(names)} {kind} ({_first(names)})" for kind, names in kinds.items() if names)
        raise InputError(f"{source} are for another network: {told}: choose the model they were made for")
    network.load_state_dict(found, strict=False)
    head = [n for n in own if n.startswith("head.") and not n.startswith(network.published.added)]
    is_head_found = all(name in found for name in head)
    remarks.append("classifier taken over" if is_head_found else "classifier new")
    return "; ".join(dict.fromkeys(remarks))


def adapted_kernel(kernel: Tensor, planes: int) -> Tensor:
    """Adapt a first kernel of three planes, shape (O, 3, h, w), to others.

    Four planes are a mosaic's red, two greens and blue: the greens share the green kernel at half weight
    each. Any other number takes the mean kernel at 3/planes of its weight: the response to grey stays.

    Examples
    --------
    >>> adapted_kernel(torch.tensor([1.0, 2, 3]).reshape(1, 3, 1, 1), 4).flatten().tolist()
    [1.0, 1.0, 1.0, 3.0]
    >>> adapted_kernel(torch.tensor([1.0, 2, 3]).reshape(1, 3, 1, 1), 1).flatten().tolist()
    [6.0]
    """
    if planes == 4:
        red, green, blue = kernel.unbind(dim=1)
        return torch.stack([red, green / 2, green / 2, blue], dim=1)
    return (kernel.mean(dim=1, keepdim=True) * (3 / planes)).expand(-1, planes, -1, -1).clone()


def resized_positions(positions: Tensor, tokens: int) -> Tensor:
    """Interpolate learned positions (1, T, D) to `tokens`, bicubic on their square grid.

    A class token, which comes first, is kept as it is.
    """
    grid, wanted = math.isqrt(positions.shape[1]), math.isqrt(tokens)
    extra = positions.shape[1] - grid * grid
    plane = positions[:, extra:].reshape(1, grid, grid, -1).permute(0, 3, 1, 2)
    plane = functional.interpolate(plane, size=(wanted, wanted), mode="bicubic", align_corners=True)
    return torch.cat([positions[:, :extra], plane.flatten(2).transpose(1, 2)], dim=1)


def _own_name(published: str, network: Network, own: Tensors) -> str | None:
    """Return our name of a published one; None where it has no place by intent."""
    name = OLD_DENSENET.sub(r"\1\2.", re.sub(WRAPPERS, "", published))
    if name.startswith(network.published.ignored):
        return None
    beginning, ours = next(pair for pair in network.published.names if name.startswith(pair[0]))
    candidates = name, ours + name.removeprefix(beginning)
    for candidate in candidates:
        if candidate in own:
            return candidate
        stem, _, last = candidate.rpartition(".")
        if last in STATISTICS and f"{stem}.weight" in own:
            return None  # GroupNorm has no running statistics, but may stand where BatchNorm did
    return candidates[1]


def _fitted(name: str, tensor: Tensor, wanted: torch.Size) -> tuple[Tensor, str]:
    """Bring a first layer to other planes, or positions to another size; say so."""
    if tensor.shape == wanted or tensor.ndim != len(wanted):
        return tensor, ""
    is_only_second = tensor.shape[:1] + tensor.shape[2:] == wanted[:1] + wanted[2:]
    if is_only_second and tensor.ndim == 4 and tensor.shape[1] == 3:
        how = "green kernel halved over both greens" if wanted[1] == 4 else "mean kernel"
        return adapted_kernel(tensor, wanted[1]), f"first layer adapted from 3 to {wanted[1]} planes ({how})"
    if is_only_second and tensor.ndim == 3 and "pos_embed" in name and _are_grids(tensor.shape[1], wanted[1]):
        return resized_positions(tensor, wanted[1]), "positions resized to the image"
    return tensor, ""


def _are_grids(*tokens: int) -> bool:
    """Say whether each count is a square, with or without one class token, alike."""
    extras = [count - math.isqrt(count) ** 2 for count in tokens]
    return extras[0] in (0, 1) and len(set(extras)) == 1


def _first(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
