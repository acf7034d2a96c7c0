"""Starting a network from weights made elsewhere."""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from leukon.errors import InputError
from leukon.models.network import Network, Tensors

SHOWN = 3  # names of each kind in a message
WRAPPERS = "module.", "_orig_mod."  # DataParallel's and torch.compile's
STATISTICS = "running_mean", "running_var", "num_batches_tracked"
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
    except (OSError, SafetensorError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"cannot read weights {path}: {reason}; give a .safetensors or .pth file of tensors"
        ) from error
    for key in ("state_dict", "network", "model"):  # as Leukon and others wrap them
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    tensors = {n: t for n, t in content.items() if isinstance(t, Tensor)} if isinstance(content, Mapping) else {}
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
    found, unexpected, shapes, remarks = {}, [], [], []
    for published, tensor in tensors.items():
        name = _own_name(published, network, own)
        if name is None:
            continue
        if name not in own:
            unexpected.append(published)
            continue
        wanted = own[name].shape
        if tensor.shape != wanted and name.startswith("head."):
            continue
        if tensor.shape != wanted and _is_kernel_of_three(tensor, wanted):
            tensor = adapted_kernel(tensor, wanted[1])
            remarks.append(f"first layer adapted from 3 to {wanted[1]} planes")
        elif tensor.shape != wanted and _are_positions(name, tensor, wanted):
            tensor = resized_positions(tensor, wanted[1])
            remarks.append(f"positions resized to {wanted[1]} tokens")
        if tensor.shape == wanted:
            found[name] = tensor
        else:
            shapes.append(f"{published} {tuple(tensor.shape)} for {tuple(wanted)}")
    fresh = ("head.", *network.published.added)
    missing = [n for n in own if n not in found and not n.startswith(fresh) and not n.endswith(STATISTICS[2])]
    missing = [n for n in missing if all(n not in shape for shape in shapes)]
    faults = (("missing", missing), ("unexpected", unexpected), ("of another shape", shapes))
    if any(names for _, names in faults):
        told = "; ".join(f"{len(n)} {what} ({_first(n)})" for what, n in faults if n)
        raise InputError(f"{source} are for another network: {told}; choose the model that they were made for")
    network.load_state_dict(found, strict=False)
    is_head_found = all(n in found for n in own if n.startswith("head."))
    remarks.append("classifier taken over" if is_head_found else "classifier new")
    return "; ".join([source, *dict.fromkeys(remarks)])
