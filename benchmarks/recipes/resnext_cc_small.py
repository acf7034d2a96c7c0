"""`resnext_cc_ablation` at a size for two processor cores: see `networks_small`."""

from __future__ import annotations

from benchmarks.recipes.networks_small import small
from leukon.training.recipe import load_recipes

_KEPT = "rgb", "hsv", "fusion_52", "fusion_51", "softmax", "centre", "whole"
RECIPES = {
    name: small(recipe) for name, recipe in load_recipes("resnext_cc_ablation").items() if name in _KEPT
}
