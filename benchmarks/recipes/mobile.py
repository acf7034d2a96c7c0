"""A second network for the bundle ``accurate``: MobileNetV2 at 112 px, and one of the silhouette beside it."""

from dataclasses import replace

from leukon.models import ModelSpec
from leukon.pipeline import Frame
from leukon.training.recipe import Optimizer, load_recipe

_SMALL = load_recipe("small")
RECIPE = replace(
    _SMALL,
    name="mobile",
    pipeline=replace(_SMALL.pipeline, frame=Frame(side_px=112, margin=1.4, silhouette=True)),
    augmentation=replace(_SMALL.augmentation, plain=0.15),
    model=ModelSpec("mobilenet_v2_silhouette", finetune="after_block_5"),
    optimizer=Optimizer(rate=1.5e-3, weight_decay=0.02),
    epochs=14,
)
