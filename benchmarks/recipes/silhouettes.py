"""The networks of the silhouette of `accurate`, trained by themselves: colours are nothing to them."""

from dataclasses import replace

from leukon.models import ModelSpec
from leukon.pipeline import Frame
from leukon.training.augment import Augmentation
from leukon.training.recipe import Optimizer, load_recipe

_SMALL = load_recipe("small")
RECIPE = replace(
    _SMALL,
    name="silhouettes",
    pipeline=replace(_SMALL.pipeline, frame=Frame(side_px=96, silhouette=True)),
    augmentation=Augmentation(extent="geometry", elastic=0.045),
    model=ModelSpec("silhouette", options={"silhouettes": 3}),
    optimizer=Optimizer(rate=3e-3, weight_decay=0.02),
    epochs=14,
    patience=14,
)
