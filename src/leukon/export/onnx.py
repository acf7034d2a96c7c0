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
    buffer = io.BytesIO()
    network = network.cpu().float().eval()
    sample = torch.zeros(2, channels, side_px, side_px)
    with warnings.catch_warnings():
        # The tracing exporter is deprecated, but folds batch norms and needs no further packages.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (sample,),
            buffer,  # type: ignore[arg-type]
            dynamo=False,
            input_names=["batch"],
            output_names=["logits"],
            dynamic_axes={"batch": {0: "n"}, "logits": {0: "n"}},
            opset_version=17,
        )
    return buffer.getvalue()
