"""The last passes of `small`: silhouettes and picture together, more cells in their own colours."""

from dataclasses import replace

from leukon.training.recipe import Optimizer, load_recipe

_FIRST = load_recipe("small")
RECIPE = replace(
    _FIRST,
    name="small_refined",
    augmentation=replace(_FIRST.augmentation, plain=0.35, soft=0.4, redrawn=0.5),
    optimizer=Optimizer(rate=2e-4, weight_decay=0.02),
    epochs=2,
)
