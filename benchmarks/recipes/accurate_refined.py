"""The last passes of `accurate`: the same cells at a lower rate, more of them in their own colours."""

from dataclasses import replace

from leukon.training.recipe import Optimizer, load_recipe

_FIRST = load_recipe("accurate")
RECIPE = replace(
    _FIRST,
    name="accurate_refined",
    augmentation=replace(_FIRST.augmentation, plain=0.35, soft=0.4),
    optimizer=Optimizer(rate=2e-4, weight_decay=0.02),
    epochs=2,
)
