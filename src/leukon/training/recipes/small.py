"""The shipped bundle ``small``: MobileNetV2 on cells of 112 px, for any microscope.

Command   make bundle
Data      PBC, training part (May-Grünwald-Giemsa, one imaging system), and generated cells of many systems
Expected  balanced accuracy on the PBC test part >= 0.97
"""

from leukon.models import ModelSpec
from leukon.pipeline import Frame, Pipeline
from leukon.training.augment import Augmentation
from leukon.training.recipe import Optimizer, Recipe

RECIPE = Recipe(
    name="small",
    pipeline=Pipeline(frame=Frame(side_px=112, margin=1.4)),
    augmentation=Augmentation(
        crosstalk=0.12, saturation=0, blown=0, stain=0.25, cast=0.1, gamma=0.2, blur_px=1.8
    ),
    model=ModelSpec("mobilenet_v2"),
    loss_options={"smoothing": 0.05},
    optimizer=Optimizer(rate=1.5e-3, weight_decay=0.02),
    epochs=10,
    batch_size=64,
    seed=0,
)
