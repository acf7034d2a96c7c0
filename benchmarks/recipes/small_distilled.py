"""The last pass of `small`: it learns from `accurate` too, on changes as hard as in its first."""

from dataclasses import replace

from leukon.training.recipe import Optimizer, load_recipe
from leukon.training.teacher import Distillation

_FIRST = load_recipe("small")
RECIPE = replace(
    _FIRST,
    name="small_distilled",
    optimizer=Optimizer(rate=5e-4, weight_decay=0.02),
    epochs=5,
    distillation=Distillation(share=0.7, temperature=2.0),
)
