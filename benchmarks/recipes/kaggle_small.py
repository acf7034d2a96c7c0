"""`vgg19_rivals` at a size for two processor cores: 96 to 112 px, networks that such a machine trains.

``transfer`` starts from ImageNet; ``robust`` from the network of the bundle ``small``, which was trained on
PBC and generated cells to stand a change of microscope, and ``accurate`` from the larger one; ``frozen``
leaves the first as it is and puts an SVM on its features; ``convnet`` starts from nothing, as published.
"""

from __future__ import annotations

from dataclasses import replace

from leukon.imaging.color.identity import Identity
from leukon.models import ModelSpec
from leukon.pipeline import Frame, Pipeline
from leukon.training.augment import Augmentation
from leukon.training.recipe import Optimizer, Recipe, Svm, load_recipe

ROBUST = Recipe(
    name="robust",
    pipeline=Pipeline(frame=Frame(side_px=112, silhouette=True)),
    augmentation=Augmentation(plain=0.4, elastic=0.03, crosstalk=0.1, saturation=0.15, stain=0.2, blown=0.1),
    model=ModelSpec("mobilenet_v2_silhouette", finetune="after_block_5"),
    loss_options={"smoothing": 0.1},
    optimizer=Optimizer(rate=4e-4),
    epochs=5,
    averaging=0.995,
)

ACCURATE = replace(
    ROBUST,
    name="accurate",
    pipeline=Pipeline(frame=Frame(side_px=96, silhouette=True)),
    model=ModelSpec("resnet50_v2_silhouette", finetune="after_layer1_3", options={"silhouettes": 3}),
    optimizer=Optimizer(rate=2e-4, weight_decay=0.02),
    epochs=4,
)

TRANSFER = Recipe(
    name="transfer",
    pipeline=Pipeline(color=Identity(), frame=Frame(side_px=96)),  # colours as they are, as in the paper
    augmentation=Augmentation(extent="geometry"),
    model=ModelSpec("mobilenet_v2"),
    optimizer=Optimizer(rate=1e-3),
    epochs=3,
    averaging=0.99,
)

RECIPES = {
    "transfer": TRANSFER,
    "robust": ROBUST,
    "accurate": ACCURATE,
    "frozen": replace(ROBUST, name="frozen", epochs=1, svm=Svm()),
    "convnet": replace(load_recipe("convnet"), epochs=6),
}
