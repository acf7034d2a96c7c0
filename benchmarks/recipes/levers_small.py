"""What each lever of the recipe `small` is worth on imaging systems that were never seen, one at a time.

``plain`` turns and mirrors only; ``strong`` is the default augmentation with every weight trained; each other
recipe adds one thing to ``frozen``, and ``all`` takes them together.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from leukon.pipeline import Frame
from leukon.training.augment import Augmentation
from leukon.training.recipe import Recipe, load_recipe

_SMALL = load_recipe("small")


def _with(name: str, *, finetune: str = "after_block_5", **changes: Any) -> Recipe:
    return replace(
        _SMALL,
        name=name,
        pipeline=replace(_SMALL.pipeline, frame=Frame(side_px=96)),
        augmentation=Augmentation(**changes),
        model=replace(_SMALL.model, finetune=finetune),
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
    "all": replace(_with("all"), augmentation=_SMALL.augmentation),
}
