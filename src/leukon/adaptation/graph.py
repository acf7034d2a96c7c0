"""The network of a bundle as an ONNX graph: its features read, a second head put beside its own.

A bundle's network ends in one linear layer, its head. What the head reads, and the last map of every
resolution before it, are the features of a cell: the early maps know colour and grain, the late ones shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from leukon.errors import BundleError

Array = npt.NDArray[np.float32]

FEATURES = "cell_features"
HOME_LOGITS = "home_logits"
LOGITS = "logits"
WINDOW = 0.2
"""Standard deviation of the window over a map, as a share of its side: the cell fills the middle."""


@dataclass(frozen=True, eq=False, slots=True)
class SecondHead:
    """What decides for cells of the new system, as linear functions of the features.

    Attributes
    ----------
    weight, bias : ndarray, shapes (K, D) and (K,)
        Added to the logits of the first head, which are multiplied by `prior` before.
    prior : float
    gate_weight, gate_bias : ndarray, shapes (1, D) and (1,)
        The second head answers where gate_weight · features + gate_bias > 0.
    """

    weight: Array
    bias: Array
    prior: float
    gate_weight: Array
    gate_bias: Array


def with_features(network: bytes) -> bytes:
    """Return `network` with the features of each cell, shape (N, D), as a further output.

    Of every map these are mean and standard deviation of each channel under a Gaussian window, which keeps
    to the cell and off its surroundings.

    Raises
    ------
    BundleError
        If the network does not end in a linear layer, as one that was adapted before.
    """
    model = onnx.load_from_string(network)
    graph = model.graph
    head = graph.node[-1]
    if head.op_type != "Gemm" or list(head.output) != [LOGITS]:
        raise BundleError(
            "the bundle's network does not end in one linear layer: adapt a bundle as leukon export wrote it"
        )
    parts = [head.input[0]]
    for name, shape in _last_maps(model).items():
        parts += _windowed(graph, name, shape)
    _add(graph, "Concat", parts, FEATURES, axis=1)
    graph.output.append(helper.make_empty_tensor_value_info(FEATURES))
    return bytes(model.SerializeToString())


def with_second_head(network: bytes, head: SecondHead) -> bytes:
    """Return a network, made by `with_features`, whose logits are those of the head that is in charge."""
    model = onnx.load_from_string(network)
    graph = model.graph
    first = next(node for node in graph.node if LOGITS in node.output)
    first.output[:] = [HOME_LOGITS]
    for name in ("weight", "bias", "prior", "gate_weight", "gate_bias"):
        _constant(graph, f"second_{name}", np.asarray(getattr(head, name), np.float32))
    _constant(graph, "second_zero", np.zeros((), np.float32))
    _add(graph, "Gemm", [FEATURES, "second_weight", "second_bias"], "second_change", transB=1)
    _add(graph, "Mul", [HOME_LOGITS, "second_prior"], "second_start")
    _add(graph, "Add", ["second_start", "second_change"], "second_logits")
    _add(graph, "Gemm", [FEATURES, "second_gate_weight", "second_gate_bias"], "second_gate", transB=1)
    _add(graph, "Greater", ["second_gate", "second_zero"], "second_is_new")
    _add(graph, "Where", ["second_is_new", "second_logits", HOME_LOGITS], LOGITS)
    del graph.output[-1:]  # the features
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _last_maps(model: onnx.ModelProto) -> dict[str, tuple[int, int, int]]:
    """Return name and (channels, height, width) of the last map of every resolution."""
    found: dict[tuple[int, int], tuple[str, int]] = {}
    for value in onnx.shape_inference.infer_shapes(model).graph.value_info:
        sizes = [axis.dim_value for axis in value.type.tensor_type.shape.dim]
        if len(sizes) == 4 and min(sizes[1:]) > 0 and max(sizes[2:]) > 1:
            found[sizes[2], sizes[3]] = value.name, sizes[1]
    return {name: (channels, *sides) for sides, (name, channels) in found.items()}


def _windowed(graph: onnx.GraphProto, name: str, shape: tuple[int, int, int]) -> list[str]:
    """Add mean and standard deviation of a map under the window; return their names."""
    key = f"{FEATURES}/{name}"
    rows, columns = (
        np.exp(-(((np.arange(side) + 0.5) / side - 0.5) ** 2) / (2 * WINDOW**2)) for side in shape[1:]
    )
    window = np.outer(rows, columns).ravel()
    _constant(graph, f"{key}/window", (window / window.sum()).astype(np.float32))
    _constant(graph, f"{key}/shape", np.array([0, shape[0], -1], np.int64))
    _add(graph, "Reshape", [name, f"{key}/shape"], f"{key}/pixels")
    _add(graph, "MatMul", [f"{key}/pixels", f"{key}/window"], f"{key}/mean")
    _add(graph, "Mul", [f"{key}/pixels"] * 2, f"{key}/squares")
    _add(graph, "MatMul", [f"{key}/squares", f"{key}/window"], f"{key}/mean_square")
    _add(graph, "Mul", [f"{key}/mean"] * 2, f"{key}/square_mean")
    _add(graph, "Sub", [f"{key}/mean_square", f"{key}/square_mean"], f"{key}/rounded_variance")
    _add(graph, "Relu", [f"{key}/rounded_variance"], f"{key}/variance")
    _add(graph, "Sqrt", [f"{key}/variance"], f"{key}/sd")
    return [f"{key}/mean", f"{key}/sd"]


def _add(graph: onnx.GraphProto, kind: str, inputs: list[str], output: str, **attributes: Any) -> None:
    graph.node.append(helper.make_node(kind, inputs, [output], **attributes))


def _constant(graph: onnx.GraphProto, name: str, value: npt.NDArray[Any]) -> None:
    graph.initializer.append(numpy_helper.from_array(value, name))
