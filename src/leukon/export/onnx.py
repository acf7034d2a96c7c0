"""From a trained network to ONNX."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import torch
from torch import nn

from leukon.imaging.color.network import NOTE
from leukon.pipeline import Scale
from leukon.transfer.generator import Generator

ABROAD = "abroad"
FEATURES = "features"
LEVELS = 127
LARGE = 2**15
"""Numbers in a tensor from which errors of 8 bit average out; those of small ones, the first layers, tell."""


def to_onnx(network: nn.Module, *, channels: int, side_px: int, with_features: bool = False) -> bytes:
    """Export `network`, in evaluation mode and in float32, with a free batch size.

    Returns
    -------
    bytes
        An ONNX file: input ``batch`` (N, channels, side_px, side_px), output ``logits`` (N, K), and where a
        `Network` is exported `with_features`, these as `FEATURES` (N, D), and what it says `ABROAD` (N, K).
    """
    sample = torch.zeros(2, channels, side_px, side_px)
    names = ["batch", "logits"]
    if with_features:
        network = _WithFeatures(network).cpu().float().eval()
        with torch.inference_mode():
            names += [ABROAD, FEATURES] if len(network(sample)) > 2 else [FEATURES]
    return _exported(network, sample, {name: {0: "n"} for name in names})


class _WithFeatures(nn.Module):
    """A network that gives its features beside its logits, and between them what it says abroad."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network: Any = network

    def forward(self, batch: torch.Tensor) -> tuple[torch.Tensor, ...]:
        features = self.network.embed(batch)
        abroad = self.network.abroad(features)
        logits = self.network.classify(features)
        return (logits, features) if abroad is None else (logits, abroad, features)


def compacted(network: bytes) -> bytes:
    """Store the weights of an ONNX network in few bits; it computes in float32.

    Large tensors take 8 bit, in steps of their own for each output channel, small ones float16; biases and
    single numbers stay. The runtime unpacks them once, when it opens the network.
    """
    model = onnx.load_from_string(network)
    graph = model.graph
    unpacking = []
    for weight in list(graph.initializer):
        if weight.data_type != onnx.TensorProto.FLOAT or len(weight.dims) < 2:
            continue
        values = onnx.numpy_helper.to_array(weight)
        if values.size < LARGE:
            halves = f"{weight.name}/halves"
            unpacking.append(
                onnx.helper.make_node("Cast", [halves], [weight.name], to=onnx.TensorProto.FLOAT)
            )
            weight.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), halves))
            continue
        peaks = np.abs(values).max(axis=tuple(range(1, values.ndim)), keepdims=True)
        steps = np.maximum(peaks, np.finfo(np.float32).tiny * LEVELS) / np.float32(LEVELS)
        levels, scale, floats = (f"{weight.name}/{part}" for part in ("levels", "steps", "floats"))
        unpacking.append(onnx.helper.make_node("Cast", [levels], [floats], to=onnx.TensorProto.FLOAT))
        unpacking.append(onnx.helper.make_node("Mul", [floats, scale], [weight.name]))
        weight.CopyFrom(onnx.numpy_helper.from_array(np.rint(values / steps).astype(np.int8), levels))
        graph.initializer.append(onnx.numpy_helper.from_array(steps, scale))
    body = list(graph.node)
    del graph.node[:]
    graph.node.extend([*unpacking, *body])
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def raw_to_onnx(network: nn.Module) -> bytes:
    """Export a network from RGB to raw: ``rgb`` to ``raw``, both (N, 3, H, W), all sizes free.

    It is what the image space ``learned_raw`` runs.
    """
    sides = {0: "n", 2: "height", 3: "width"}
    return _exported(network, torch.zeros(1, 3, 16, 16), {"rgb": sides, "raw": sides})


def transfer_to_onnx(network: Generator, record: Mapping[str, Any] | None = None) -> bytes:
    """Export a generator: ``source`` to ``target``, both (N, 3, H, W) in 0…1, all sizes free.

    It is what `leukon.imaging.color.network.NetworkMap` runs; `record`, as JSON, goes into the metadata.
    """
    sides = {0: "n", 2: "height", 3: "width"}
    side = 2 * network.stride
    content = _exported(_InUnits(network), torch.zeros(1, 3, side, side), {"source": sides, "target": sides})
    model = onnx.load_from_string(content)
    onnx.helper.set_model_props(model, {NOTE: json.dumps(record)})
    return bytes(model.SerializeToString())


class _InUnits(nn.Module):
    """A generator for values in 0…1."""

    def __init__(self, network: Generator) -> None:
        super().__init__()
        self.network = network

    def forward(self, source: torch.Tensor) -> torch.Tensor:
        target: torch.Tensor = self.network(2 * source - 1)
        return ((target + 1) / 2).clamp(0, 1)


def after_raw(classifier: bytes, raw: bytes, scale: Scale) -> bytes:
    """Put a network from RGB to raw, and the scaling of what it gives, before a classifier.

    Parameters
    ----------
    classifier : bytes
        As `to_onnx` exports.
    raw : bytes
        As `raw_to_onnx` exports.
    scale : Scale
        Of the pipeline that the classifier was trained with.

    Returns
    -------
    bytes
        An ONNX file as `to_onnx` exports, but for RGB in 0…1.
    """
    first, last = onnx.load_from_string(raw), onnx.load_from_string(classifier)
    for name, values in (("mean", scale.mean), ("std", scale.std)):
        column = np.array(values, np.float32).reshape(1, -1, 1, 1)
        first.graph.initializer.append(onnx.numpy_helper.from_array(column, name))
    first.graph.node.append(onnx.helper.make_node("Sub", ["raw", "mean"], ["centred"]))
    first.graph.node.append(onnx.helper.make_node("Div", ["centred", "std"], ["scaled"]))
    first.graph.output[0].name = "scaled"
    # The input of the whole is called as that of any classifier; the rest is told apart by a prefix.
    first = onnx.compose.add_prefix(first, "raw_")
    whole = onnx.compose.merge_models(first, last, io_map=[("raw_scaled", "batch")])
    for node in whole.graph.node:
        node.input[:] = ["batch" if name == "raw_rgb" else name for name in node.input]
    whole.graph.input[0].CopyFrom(last.graph.input[0])
    onnx.checker.check_model(whole)
    return bytes(whole.SerializeToString())


def _exported(network: nn.Module, sample: torch.Tensor, free: dict[str, dict[int, str]]) -> bytes:
    """Export a network; `free` gives the names and free sizes of its input and then of its outputs."""
    buffer = io.BytesIO()
    network = network.cpu().float().eval()
    source, *targets = free
    with warnings.catch_warnings():
        # The tracing exporter is deprecated, but folds batch norms and needs no further packages.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (sample,),
            buffer,  # type: ignore[arg-type]
            dynamo=False,
            input_names=[source],
            output_names=targets,
            dynamic_axes=free,
            opset_version=17,
        )
    return buffer.getvalue()
