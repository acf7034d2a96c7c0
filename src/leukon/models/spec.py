"""Which network, and what it starts from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from leukon.errors import InputError, UnknownNameError
from leukon.models import (
    cnn_lstm,
    convnet,
    crossvit,
    deepvit,
    densenet,
    inception,
    linear,
    mobilenet_v2,
    resnet,
    resnet_v2,
    resnext,
    resnext_cc,
    silhouette,
    simple_vit,
    t2t_vit,
    timm_backbone,
    vgg,
    vit,
    xception,
)
from leukon.models.network import Network, swap_norms
from leukon.models.weights import fit_weights, read_tensors
from leukon.registry import look_up, options_of

Builder = Callable[..., Network]
"""``build(classes, *, channels, …) -> Network``; the further keyword arguments are the family's options."""

MODELS: dict[str, Builder] = {
    "resnet50": resnet.resnet50,
    "resnet18": resnet.resnet18,
    "resnet50_v2": resnet_v2.resnet50_v2,
    "kimianet": densenet.kimianet,
    "densenet121": densenet.densenet121,
    "vgg16": vgg.vgg16,
    "vgg19": vgg.vgg19,
    "inception_v3": inception.inception_v3,
    "xception": xception.xception,
    "xception_lstm": cnn_lstm.xception_lstm,
    "inception_v3_lstm": cnn_lstm.inception_v3_lstm,
    "resnet50_lstm": cnn_lstm.resnet50_lstm,
    "xception_resnet50_lstm": cnn_lstm.xception_resnet50_lstm,
    "convnet": convnet.convnet,
    "resnext50": resnext.resnext50,
    "resnext101": resnext.resnext101,
    "resnext_cc": resnext_cc.resnext_cc,
    "matek": resnext.matek,
    "vit_b16": vit.vit_b16,
    "vit_b32": vit.vit_b32,
    "vit_l16": vit.vit_l16,
    "vit_l32": vit.vit_l32,
    "crossvit": crossvit.crossvit,
    "t2t_vit": t2t_vit.t2t_vit,
    "deepvit": deepvit.deepvit,
    "simple_vit": simple_vit.simple_vit,
    "mobilenet_v2": mobilenet_v2.mobilenet_v2,
    "silhouette": silhouette.silhouette,
    "mobilenet_v2_silhouette": silhouette.mobilenet_v2_silhouette,
    "resnet50_v2_silhouette": silhouette.resnet50_v2_silhouette,
    "linear": linear.linear,
    "timm": timm_backbone.timm_network,
}
AFTER = "after_"  # of `ModelSpec.finetune`


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Which network, and what it starts from.

    Attributes
    ----------
    name : str
        A key of `MODELS`.
    variant : str
        For families that hold several, such as timm's ``"resnet18"``.
    weights : str
        A file to start from, ``.safetensors`` or ``.pth``; empty for none.
    pretrained : bool
        Fetch the family's own weights from its hub where `weights` is empty.
    finetune : str
        ``"all"``; ``"head"``: everything but the classifier keeps its weights and running statistics; or
        ``"after_LAYER"``, such as ``"after_conv4_4"``: so does what comes up to that layer, itself included.
        A training that starts from random weights trains all of them.
    norm : str
        ``"batch"``, or ``"group"``: GroupNorm in place of every BatchNorm.
    options : mapping
        The family's own switches, such as ``{"image_size": 224}`` of the vision transformers.
    """

    name: str = "mobilenet_v2"
    variant: str = ""
    weights: str = ""
    pretrained: bool = False
    finetune: str = "all"
    norm: str = "batch"
    options: Mapping[str, Any] = field(default_factory=dict)

    def build(self, classes: int, *, channels: int = 3) -> Network:
        """Build the network with `classes` outputs for images of `channels` planes.

        Raises
        ------
        UnknownNameError
            If the family, a variant, an option or a setting does not exist.
        InputError
            If weights cannot be had or do not fit.
        """
        last = self.finetune.removeprefix(AFTER) if self.finetune.startswith(AFTER) else None
        for what, value, known in (
            ("finetune", self.finetune if last is None else "after_LAYER", ("after_LAYER", "all", "head")),
            ("norm", self.norm, ("batch", "group")),
        ):
            if value not in known:
                raise UnknownNameError(what, value, known)
        build = look_up("model", self.name, MODELS)
        options = dict(self.options) | ({"variant": self.variant} if self.variant else {})
        known_options = options_of(build) - {"channels"}
        for name in options:
            if name not in known_options:
                raise UnknownNameError(f"option of {self.name}", name, known_options or {"(none)"})
        network = build(classes, channels=channels, **options)
        if self.norm == "group" and not swap_norms(network):
            raise InputError(
                f"{self.name} has no BatchNorm to swap: use norm='batch' (vgg16: batch_norm=true)"
            )
        if self.weights:
            done = fit_weights(network, read_tensors(Path(self.weights)), f"weights {self.weights}")
            network.started = f"{Path(self.weights).name}: {done}"
        elif self.pretrained:
            done = fit_weights(network, self._fetch(network), f"hub weights of {self.title}")
            network.started = f"hub weights of {self.title}: {done}"
        if self.finetune != "all":
            network.freeze(last)
        return network

    @property
    def title(self) -> str:
        """The name with the variant, such as ``timm:resnet18``."""
        return f"{self.name}:{self.variant}" if self.variant else self.name

    def at(self, side_px: int) -> ModelSpec:
        """Return the same for images of `side_px`, where the family is built for one size and none is set."""
        build = look_up("model", self.name, MODELS)
        if "image_size" not in options_of(build) or "image_size" in self.options:
            return self
        return replace(self, options={**self.options, "image_size": side_px})

    def _fetch(self, network: Network) -> dict[str, Any]:
        hub = network.published.hub
        remedy = "give --weights FILE or --no-pretrained"
        if hub is None:
            raise InputError(f"no hub holds weights of {self.title}: {remedy}")
        try:
            return hub()
        except Exception as error:  # the hub clients raise many kinds
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise InputError(f"cannot fetch weights of {self.title} ({reason}): {remedy}") from error


def parse_spec(text: str) -> ModelSpec:
    """Read ``NAME``, ``NAME:VARIANT`` or ``NAME:OPTION=VALUE,…``, as the command line takes them.

    Examples
    --------
    >>> parse_spec("resnext_cc:fusion=none,convs=1").options
    {'fusion': 'none', 'convs': 1}
    >>> parse_spec("timm:resnet18").variant
    'resnet18'
    """
    name, _, rest = text.partition(":")
    spec, options = ModelSpec(name), {}
    for part in filter(None, rest.split(",")):
        key, equals, value = part.partition("=")
        if not equals:
            spec = replace(spec, variant=part)
        elif key in ("norm", "finetune"):
            spec = replace(spec, norm=value) if key == "norm" else replace(spec, finetune=value)
        else:
            options[key] = _value(value)
    return replace(spec, options=options)


def _value(text: str) -> bool | int | str:
    known = {"true": True, "false": False}
    return int(text) if text.isdecimal() else known.get(text.lower(), text)
