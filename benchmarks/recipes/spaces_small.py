"""`raw_vs_rgb` at a size for two processor cores: MobileNetV2, 96 px, turned and mirrored cells."""

from __future__ import annotations

from dataclasses import replace

from leukon.models import ModelSpec
from leukon.training.recipe import Optimizer, Recipe, load_recipes

_PAPER = load_recipes("raw_vs_rgb")
_AUGMENTED = _PAPER["rgb_augmented"].augmentation


def _small(recipe: Recipe) -> Recipe:
    return replace(
        recipe,
        pipeline=replace(recipe.pipeline, frame=replace(recipe.pipeline.frame, side_px=96)),
        augmentation=_AUGMENTED,
        model=ModelSpec("mobilenet_v2"),
        optimizer=Optimizer(rate=1e-3),
        epochs=6,
        averaging=0.98,
    )


RECIPES = {name: _small(_PAPER[name]) for name in ("rgb", "raw", "hsv", "optical_density")}
