"""What each lever of the recipe `small` is worth on imaging systems that were never seen, one at a time.

``plain`` turns and mirrors only; ``strong`` is the default augmentation with every weight trained; each other
recipe adds one thing to ``frozen``, and ``all`` takes them together. ``backbone`` is ``silhouette`` with
the first stages of ResNet-50 v2 in the place of MobileNetV2.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from leukon.models import ModelSpec
from leukon.pipeline import Frame
from leukon.training.augment import Augmentation
from leukon.training.recipe import Optimizer, Recipe, load_recipe

_SMALL = load_recipe("small")


def _with(name: str, *, finetune: str = "after_block_5", silhouette: bool = False, **changes: Any) -> Recipe:
    return replace(
        _SMALL,
        name=name,
        pipeline=replace(_SMALL.pipeline, frame=Frame(side_px=96, silhouette=silhouette)),
        augmentation=Augmentation(**changes),
        model=ModelSpec("mobilenet_v2" + "_silhouette" * silhouette, finetune=finetune),
        epochs=5,
        averaging=0.99,
    )


RECIPES = {
    "plain": _with("plain", finetune="all", extent="geometry"),
    "strong": _with("strong", finetune="all"),
    "frozen": _with("frozen"),
    "crosstalk": _with("crosstalk", crosstalk=0.25, saturation=0.3),
    "elastic": _with("elastic", elastic=0.045),
    "dyes": _with("dyes", dyes=0.3),
    "soft": _with("soft", soft=0.5, blur_px=3.0),
    "grey": _with("grey", grey=0.15),
    "silhouette": _with("silhouette", silhouette=True),
    "all": replace(_with("all", silhouette=True), augmentation=_SMALL.augmentation),
    "backbone": replace(
        _with("backbone", silhouette=True),
        model=ModelSpec("resnet50_v2_silhouette", finetune="after_layer1_3"),
        optimizer=Optimizer(rate=6e-4, weight_decay=0.02),
    ),
}
