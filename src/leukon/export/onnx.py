"""From a trained network to ONNX."""

from __future__ import annotations

import io
import warnings

import torch
from torch import nn


def to_onnx(network: nn.Module, *, channels: int, side_px: int) -> bytes:
    """Export `network`, in evaluation mode and in float32, with a free batch size.

    Returns
    -------
    bytes
        An ONNX file: input ``batch`` (N, channels, side_px, side_px), output ``logits`` (N, K).
    """
    free = {"batch": {0: "n"}, "logits": {0: "n"}}
    return _exported(network, torch.zeros(2, channels, side_px, side_px), free)


def raw_to_onnx(network: nn.Module) -> bytes:
    """Export a network from RGB to raw: ``rgb`` to ``raw``, both (N, 3, H, W), all sizes free.

    It is what the image space ``learned_raw`` runs.
    """
    sides = {0: "n", 2: "height", 3: "width"}
    return _exported(network, torch.zeros(1, 3, 16, 16), {"rgb": sides, "raw": sides})


def _exported(network: nn.Module, sample: torch.Tensor, free: dict[str, dict[int, str]]) -> bytes:
    """Export a network of one input and one output, whose names and free sizes `free` gives in turn."""
    buffer = io.BytesIO()
    network = network.cpu().float().eval()
    source, target = free
    with warnings.catch_warnings():
        # The tracing exporter is deprecated, but folds batch norms and needs no further packages.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (sample,),
            buffer,  # type: ignore[arg-type]
            dynamo=False,
            input_names=[source],
            output_names=[target],
            dynamic_axes=free,
            opset_version=17,
        )
    return buffer.getvalue()
