"""`cnn_rivals` and `vit_rivals` at a size for two processor cores: 64 px, from random weights, HSV."""

from __future__ import annotations

from dataclasses import replace

from leukon.training.recipe import Optimizer, Recipe, load_recipes

# Of 5e-4 and 1e-4, by validation accuracy: these two stay at chance at the higher rate.
RATES = {"crossvit": 1e-4, "simple_vit": 1e-4}


def small(recipe: Recipe) -> Recipe:
    """Return `recipe` at 64 px, without fetched weights, for a few epochs."""
    return replace(
        recipe,
        pipeline=replace(recipe.pipeline, frame=replace(recipe.pipeline.frame, side_px=64)),
        model=replace(recipe.model, pretrained=False),
        optimizer=Optimizer(rate=RATES.get(recipe.name, 5e-4)),
        epochs=5,
        averaging=0.95,
    )


_ALL = load_recipes("cnn_rivals") | load_recipes("vit_rivals")
# Inception-v3 cannot see 64 px.
RECIPES = {name: small(recipe) for name, recipe in _ALL.items() if name != "inception_v3"}
