"""The network of a bundle as an ONNX graph: cells seen from several sides, a second head put beside its own.

What the head of a bundle's network reads, and the last map of every resolution before it, are the features of
a cell: the early maps know colour and grain, the late ones shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from leukon.errors import BundleError

Array = npt.NDArray[np.float32]

ABROAD = "abroad"
ALL = "all/batch"
BATCH = "batch"
EMBEDDED = "features"  # by leukon export
FEATURES = "view_features"
LOGITS = "logits"
VIEW_LOGITS = "view_logits"
VIEWS = 8
"""Turned and mirrored, as many as a square allows, each beside the cell as it is."""

ZOOMS = 0.94, 1.06, 1.0
"""How wide the views are, in turn, as shares of the frame."""

WINDOW = 0.2
"""Standard deviation of the window over a map, as a share of its side: the cell fills the middle."""


@dataclass(frozen=True, eq=False, slots=True)
class SecondHead:
    """What decides for cells of the new system, as linear functions of the features.

    Attributes
    ----------
    weight, bias : ndarray, shapes (K, D) and (K,)
        Of the features' mean over the views; added to the mean logits of the first head, which are multiplied
        by `prior` before.
    prior : float
    gate_weight, gate_bias : ndarray, shapes (1, D) and (1,)
        The second head answers where gate_weight · features + gate_bias > 0, of the cell as it is.
    """

    weight: Array
    bias: Array
    prior: float
    gate_weight: Array
    gate_bias: Array


@dataclass(frozen=True, eq=False, slots=True)
class Recolor:
    """An affine change of a network's input, pixel by pixel.

    Attributes
    ----------
    matrix, offset, low, high : ndarray, shapes (C, C), (C,), (C,) and (C,)
        Values become matrix · values + offset, held within low…high.
    """

    matrix: Array
    offset: Array
    low: Array
    high: Array


def with_views(
    network: bytes, *, views: int = VIEWS, recolor: Recolor | None = None, abroad: bool = False
) -> bytes:
    """Return `network` with the logits and features of N cells as they are, then of all in each view.

    The outputs are `VIEW_LOGITS`, shape ((1 + V) N, K), and `FEATURES`, shape ((1 + V) N, D). Of every map
    the features are mean and standard deviation of each channel under a Gaussian window, which keeps to the
    cell and off its surroundings.

    Parameters
    ----------
    network : bytes
        Of a bundle.
    views : int
        V, 0…`VIEWS`.
    recolor : Recolor, optional
        What the views, and not the cell as it is, go through.
    abroad : bool
        Whether the views get the logits that hold on a strange imaging system, if the network has any.

    Raises
    ------
    BundleError
        If the network was adapted before, or neither names its features nor ends in a linear layer.
    """
    model = onnx.load_from_string(network)
    graph = model.graph
    made = {name for node in graph.node for name in node.output}
    head = next(node for node in graph.node if LOGITS in node.output)
    if VIEW_LOGITS in made or (EMBEDDED not in made and head.op_type != "Gemm"):
        raise BundleError(
            "the bundle's network was adapted before, or ends in no linear layer: adapt a bundle as leukon "
            "export wrote it"
        )
    abroad &= ABROAD in made
    maps = _last_maps(model)
    body = list(graph.node)
    del graph.node[:]
    for node in body:
        node.input[:] = [ALL if name == BATCH else name for name in node.input]
    head.output[:] = [f"{VIEW_LOGITS}/home" if abroad else VIEW_LOGITS]
    side = graph.input[0].type.tensor_type.shape.dim[-1].dim_value
    source = _recolored(graph, recolor) if recolor else BATCH
    sides = [BATCH, *(_view(graph, source, side, view) for view in range(views))]
    _add(graph, "Concat", sides, ALL, axis=0)
    graph.node.extend(body)
    if abroad:
        _abroad_but_first(graph, len(sides))
    parts = [EMBEDDED if EMBEDDED in made else head.input[0]]
    for name, shape in maps.items():
        parts += _windowed(graph, name, shape)
    _add(graph, "Concat", parts, FEATURES, axis=1)
    del graph.output[:]
    graph.output.extend(helper.make_empty_tensor_value_info(name) for name in (VIEW_LOGITS, FEATURES))
    return bytes(model.SerializeToString())


def with_second_head(network: bytes, head: SecondHead) -> bytes:
    """Return a network, made by `with_views` with one view or more, with the logits of the head in charge."""
    model = onnx.load_from_string(network)
    graph = model.graph
    rows = len(next(node for node in graph.node if list(node.output) == [ALL]).input)
    for name in ("weight", "bias", "prior", "gate_weight", "gate_bias"):
        _constant(graph, f"second/{name}", np.asarray(getattr(head, name), np.float32))
    _constant(graph, "second/zero", np.zeros((), np.float32))
    _constant(graph, "second/axis", np.zeros(1, np.int64))
    _constant(graph, "second/parts", np.array([1, rows - 1], np.int64))
    _constant(graph, "second/views", np.array(rows - 1, np.float32))
    for name, width in (VIEW_LOGITS, len(head.bias)), (FEATURES, head.weight.shape[1]):
        _constant(graph, f"{name}/shape", np.array([rows, -1, width], np.int64))
        _add(graph, "Reshape", [name, f"{name}/shape"], f"{name}/rows")
        split = helper.make_node(
            "Split", [f"{name}/rows", "second/parts"], [f"{name}/one", f"{name}/others"], axis=0
        )
        graph.node.append(split)
        _add(graph, "Squeeze", [f"{name}/one", "second/axis"], f"{name}/as_is")
        _add(graph, "ReduceSum", [f"{name}/others", "second/axis"], f"{name}/sum", keepdims=0)
        _add(graph, "Div", [f"{name}/sum", "second/views"], f"{name}/mean")
    _add(graph, "Gemm", [f"{FEATURES}/mean", "second/weight", "second/bias"], "second/change", transB=1)
    _add(graph, "Mul", [f"{VIEW_LOGITS}/mean", "second/prior"], "second/start")
    _add(graph, "Add", ["second/start", "second/change"], "second/logits")
    _add(
        graph,
        "Gemm",
        [f"{FEATURES}/as_is", "second/gate_weight", "second/gate_bias"],
        "second/gate",
        transB=1,
    )
    _add(graph, "Greater", ["second/gate", "second/zero"], "second/is_new")
    _add(graph, "Where", ["second/is_new", "second/logits", f"{VIEW_LOGITS}/as_is"], LOGITS)
    del graph.output[:]
    shape = ["n", len(head.bias)]
    graph.output.append(helper.make_tensor_value_info(LOGITS, onnx.TensorProto.FLOAT, shape))
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _recolored(graph: onnx.GraphProto, recolor: Recolor) -> str:
    """Add a recoloured batch; return its name."""
    channels = len(recolor.offset)
    _constant(graph, "recolor/matrix", recolor.matrix.reshape(channels, channels, 1, 1))
    _constant(graph, "recolor/offset", recolor.offset)
    for name in ("low", "high"):
        _constant(graph, f"recolor/{name}", getattr(recolor, name).reshape(1, channels, 1, 1))
    _add(graph, "Conv", [BATCH, "recolor/matrix", "recolor/offset"], "recolor/free")
    _add(graph, "Max", ["recolor/free", "recolor/low"], "recolor/above")
    _add(graph, "Min", ["recolor/above", "recolor/high"], "recolor/batch")
    return "recolor/batch"


def _abroad_but_first(graph: onnx.GraphProto, rows: int) -> None:
    """Add the logits of the cells as they are, and then those abroad of all views."""
    classes = next(one for one in graph.output if one.name == ABROAD).type.tensor_type.shape.dim[1].dim_value
    key = VIEW_LOGITS
    _constant(graph, f"{key}/by_row", np.array([rows, -1, classes], np.int64))
    _constant(graph, f"{key}/flat", np.array([-1, classes], np.int64))
    for place, number in ("first", 0), ("second", 1), ("end", rows):
        _constant(graph, f"{key}/{place}", np.array([number], np.int64))
    for name, source, start, end in (
        ("as_they_are", f"{key}/home", "first", "second"),
        (ABROAD, ABROAD, "second", "end"),
    ):
        _add(graph, "Reshape", [source, f"{key}/by_row"], f"{key}/{name}/rows")
        _add(graph, "Slice", [f"{key}/{name}/rows", f"{key}/{start}", f"{key}/{end}"], f"{key}/{name}/kept")
    _add(graph, "Concat", [f"{key}/as_they_are/kept", f"{key}/{ABROAD}/kept"], f"{key}/kept", axis=0)
    _add(graph, "Reshape", [f"{key}/kept", f"{key}/flat"], key)


def _view(graph: onnx.GraphProto, source: str, side: int, view: int) -> str:
    """Add `source`, squares of `side` px, turned and zoomed; return its name."""
    zoom, key = ZOOMS[view % len(ZOOMS)], f"view/{view}"
    _constant(graph, f"{key}/rows", _resampling(side, zoom, mirrored=bool(view & 2)))
    _constant(graph, f"{key}/columns", _resampling(side, zoom, mirrored=bool(view & 1)).T.copy())
    _add(graph, "MatMul", [f"{key}/rows", source], f"{key}/upright")
    _add(graph, "MatMul", [f"{key}/upright", f"{key}/columns"], key)
    if view & 4:
        _add(graph, "Transpose", [key], f"{key}/turned", perm=[0, 1, 3, 2])
        return f"{key}/turned"
    return key


def _resampling(side: int, zoom: float, *, mirrored: bool) -> Array:
    """Return the matrix, shape (side, side), that makes a line `zoom` times as wide, or its mirror image.

    It interpolates linearly, and repeats the edge beyond it.
    """
    places = np.clip((np.arange(side) + 0.5 - side / 2) * zoom + side / 2 - 0.5, 0, side - 1)
    weights = np.maximum(1 - np.abs(places[:, None] - np.arange(side)), 0).astype(np.float32)
    return np.ascontiguousarray(weights[::-1] if mirrored else weights)


def _last_maps(model: onnx.ModelProto) -> dict[str, tuple[int, int, int]]:
    """Return name and (channels, height, width) of the last map of every resolution, of every stream."""
    fixed = {weight.name for weight in model.graph.initializer}
    for node in model.graph.node:
        if fixed.issuperset(node.input):
            fixed.update(node.output)
    inferred = onnx.shape_inference.infer_shapes(model).graph.value_info
    kinds = {value.name: value.type.tensor_type for value in inferred}
    maps: list[tuple[str, tuple[int, int, int]]] = []
    for name in (name for node in model.graph.node for name in node.output):
        kind = kinds.get(name)
        if kind is None or kind.elem_type != onnx.TensorProto.FLOAT or name in fixed:
            continue
        sizes = [axis.dim_value for axis in kind.shape.dim]
        if len(sizes) == 4 and min(sizes[1:]) > 0 and max(sizes[2:]) > 1:
            maps.append((name, (sizes[1], sizes[2], sizes[3])))
    return {
        name: shape
        for (name, shape), after in zip_longest(maps, (shape[1:] for _, shape in maps[1:]))
        if shape[1:] != after
    }


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
