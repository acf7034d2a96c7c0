"""From a trained network to ONNX."""

from __future__ import annotations

import io
import json
import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import nn

from leukon.bundle.runtime import BATCH_SIZE, open_network
from leukon.imaging.color.network import NOTE
from leukon.pipeline import Pipeline, Scale
from leukon.transfer.generator import Generator
from leukon.types import Cell

ABROAD = "abroad"
FEATURES = "features"
LARGE = 2**15
"""Weights of a convolution from which errors of 8 bit average out; in small ones, the first, they tell."""
Batch = npt.NDArray[np.float32]


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


def quantized(network: bytes, batches: Sequence[Batch]) -> bytes:
    """Let the large convolutions of an ONNX network compute in 8 bit, and keep the rest in float32.

    Weights have steps of their own for each output channel, what is between the layers those that its range
    over `batches` asks for. Weights take 7 of the bits: processors without instructions for neural networks
    add two products in 16 bit, which would overflow.

    Parameters
    ----------
    network : bytes
        As `to_onnx` exports.
    batches : sequence of ndarray, shape (N, C, H, W)
        Inputs as varied as those to come.

    References
    ----------
    Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
    Inference", 2018.
    """
    with TemporaryDirectory() as folder:
        whole, small = Path(folder) / "whole.onnx", Path(folder) / "small.onnx"
        quant_pre_process(onnx.load_from_string(network), whole, skip_symbolic_shape=True)
        graph = onnx.load(whole).graph
        sizes = {weight.name: math.prod(weight.dims) for weight in graph.initializer}
        large = [n.name for n in graph.node if n.op_type == "Conv" and sizes.get(n.input[1], 0) >= LARGE]
        quantize_static(
            whole,
            small,
            _Calibration(batches),
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_quantize=large,
        )
        return small.read_bytes()


def run_network(
    network: bytes, pipeline: Pipeline, outputs: Sequence[str], cells: Sequence[Cell]
) -> list[Batch]:
    """Return the `outputs`, each with a row for each of `cells`, of an ONNX network after its pipeline."""
    session = open_network(network, Path("the network"))
    parts = [
        session.run(outputs, {"batch": pipeline.batch(cells[i : i + BATCH_SIZE])})
        for i in range(0, len(cells), BATCH_SIZE)
    ]
    return [np.concatenate(part) for part in zip(*parts, strict=True)]


class _Calibration(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, batches: Sequence[Batch]) -> None:
        self._left = iter(batches)

    def get_next(self) -> dict[str, Batch] | None:
        """Return the next inputs; None after the last."""
        batch = next(self._left, None)
        return None if batch is None else {"batch": batch}


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
