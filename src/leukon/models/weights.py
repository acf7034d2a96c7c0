"""Starting a network from a weights file."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from leukon.errors import InputError


def read_weights(network: nn.Module, path: Path) -> None:
    """Copy every tensor of a safetensors file into `network`; the last layer may be absent.

    Raises
    ------
    InputError
        If the file is missing, damaged, or made for another network.
    """
    try:
        tensors = {name: tensor.float() for name, tensor in load_file(path).items()}
    except (OSError, SafetensorError) as error:
        raise InputError(f"cannot read weights {path}: {error}; give a safetensors file") from error
    own = network.state_dict()
    strangers = [n for n, t in tensors.items() if n not in own or own[n].shape != t.shape]
    absent = {n.split(".")[0] for n in own if n not in tensors and "num_batches" not in n}
    if strangers or absent - {"classifier", "head", "fc"}:
        first = strangers[0] if strangers else sorted(absent)[0]
        raise InputError(f"weights {path} are for another network: {first!r} does not fit")
    network.load_state_dict(tensors, strict=False)
