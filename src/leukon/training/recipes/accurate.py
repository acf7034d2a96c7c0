"""Beside ``small`` in the bundle ``accurate``: ResNet-50 v2 to stage three, and three silhouette networks.

Command   make bundle
Data      as of ``small``
Expected  at least a point above ``small`` in balanced accuracy abroad
"""

from dataclasses import replace

from leukon.models import ModelSpec
from leukon.pipeline import Frame
from leukon.training.recipe import Optimizer, load_recipe

_SMALL = load_recipe("small")
RECIPE = replace(
    _SMALL,
    name="accurate",
    pipeline=replace(_SMALL.pipeline, frame=Frame(side_px=96, margin=1.4, silhouette=True)),
    augmentation=replace(_SMALL.augmentation, plain=0.25),
    model=ModelSpec("resnet50_v2_silhouette", finetune="after_layer1_3", options={"silhouettes": 3}),
    optimizer=Optimizer(rate=6e-4, weight_decay=0.02),
    epochs=10,
)
