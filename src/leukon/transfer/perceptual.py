"""Networks that look at pictures for the feature loss: VGG-16, SqueezeNet 1.1, or a cell classifier."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional

from leukon.bundle import Bundle, load_bundle
from leukon.errors import InputError
from leukon.models.weights import read_tensors

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_VGG16, _SQUEEZENET = "features.28.weight", "features.3.squeeze.weight"


def perceptual_network(name: str) -> nn.Module:
    """Build what `name` says: a weights file for `pretrained`, or a bundle for `classifier_features`."""
    if Path(name).suffix in (".safetensors", ".pth", ".pt"):
        return pretrained(Path(name))
    return classifier_features(load_bundle(name))


def pretrained(file: Path) -> nn.Module:
    """Build what torchvision's weights in `file` belong to: VGG-16 or SqueezeNet 1.1, frozen.

    VGG-16 gives what its fifth max-pooling gives, as published; SqueezeNet its last features.

    Raises
    ------
    InputError
        If the file cannot be read or holds other weights.
    """
    from torchvision.models import squeezenet1_1, vgg

    tensors = read_tensors(file)
    features: nn.Module
    if _VGG16 in tensors:
        features = vgg.make_layers(vgg.cfgs["D"])
    elif _SQUEEZENET in tensors:
        features = squeezenet1_1().features
    else:
        raise InputError(f"{file} holds the weights of neither VGG-16 nor SqueezeNet 1.1; give one of them")
    own = {name[9:]: tensor for name, tensor in tensors.items() if name.startswith("features.")}
    try:
        features.load_state_dict(own)
    except RuntimeError as error:
        raise InputError(f"{file} is damaged: {str(error).splitlines()[1].strip()}") from error
    return _Eye(features, *IMAGENET)


def classifier_features(bundle: Bundle) -> nn.Module:
    """Build what the classifier of `bundle` computes before it pools, frozen.

    Raises
    ------
    InputError
        If its network is no plain convolutional one, or does not see RGB.
    """
    pipeline = bundle.contents.pipeline
    if pipeline.space.name != "rgb":
        raise InputError(f"{bundle.name} sees {pipeline.space.name}, not rgb: give a bundle of another space")
    features = _Graph(onnx.load_from_string(bundle.contents.onnx).graph, bundle.name)
    return _Eye(features, pipeline.scale.mean, pipeline.scale.std)


class _Eye(nn.Module):
    """Scale pictures of -1…1 as the network wants them, and run it frozen."""

    mean: Tensor
    std: Tensor

    def __init__(self, features: nn.Module, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.features = features
        self.register_buffer("mean", torch.tensor(mean).reshape(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).reshape(1, 3, 1, 1))
        self.requires_grad_(False).eval()

    def forward(self, pictures: Tensor) -> Tensor:
        seen: Tensor = self.features(((pictures + 1) / 2 - self.mean) / self.std)
        return seen


class _Graph(nn.Module):
    """The convolutional part of an ONNX network, with gradients."""

    def __init__(self, graph: Any, name: str) -> None:
        super().__init__()
        self.input = graph.input[0].name
        self.nodes: list[tuple[str, dict[str, Any], list[str], str]] = []
        constants = {one.name: onnx.numpy_helper.to_array(one) for one in graph.initializer}
        for node in graph.node:
            if node.op_type in ("ReduceMean", "GlobalAveragePool"):
                break
            if node.op_type == "Slice" and node.input[0] == self.input:
                self.input = node.output[0]  # the picture, without the silhouette behind it
            if node.op_type in ("Constant", "Slice"):
                continue
            if node.op_type not in ("Conv", "Relu", "Add"):
                raise InputError(f"{name} holds a {node.op_type}: only plain convolutional bundles can look")
            settings = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
            self.nodes.append((node.op_type, settings, list(node.input), node.output[0]))
        used = {key for _, _, inputs, _ in self.nodes for key in inputs} & constants.keys()
        self.keys = {key: f"constant_{i}" for i, key in enumerate(sorted(used))}
        for key, own in self.keys.items():
            self.register_buffer(own, torch.from_numpy(np.array(constants[key])))

    def forward(self, pictures: Tensor) -> Tensor:
        found = {self.input: pictures, **{key: getattr(self, own) for key, own in self.keys.items()}}
        x = pictures
        for kind, settings, names, output in self.nodes:
            values = [found[name] for name in names]
            if kind == "Conv":
                top, left, bottom, right = settings["pads"]
                padded = functional.pad(values[0], (left, right, top, bottom))
                x = functional.conv2d(
                    padded,
                    values[1],
                    values[2] if len(values) > 2 else None,
                    stride=settings["strides"],
                    dilation=settings["dilations"],
                    groups=settings["group"],
                )
            else:
                x = functional.relu(values[0]) if kind == "Relu" else values[0] + values[1]
            found[output] = x
        return x
