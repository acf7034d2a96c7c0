"""The networks of the silhouette of `small`, trained by themselves on what the segmentation makes of them."""

from dataclasses import replace

from leukon.models import ModelSpec
from leukon.training.recipe import Optimizer, load_recipe

_SMALL = load_recipe("small")
RECIPE = replace(
    _SMALL,
    name="silhouettes",
    augmentation=replace(_SMALL.augmentation, redrawn=0.5),
    model=ModelSpec("silhouette", options={"silhouettes": 3}),
    optimizer=Optimizer(rate=3e-3, weight_decay=0.02),
    epochs=14,
    patience=14,
)
