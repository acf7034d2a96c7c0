"""The shipped bundle ``small``: MobileNetV2 at 112 px, and the cell's silhouette beside it.

Command   make bundle
Data      PBC, training part (May-Grünwald-Giemsa, one imaging system), and a few generated cells
Expected  balanced accuracy on the PBC test part >= 0.97
"""

from leukon.models import ModelSpec
from leukon.pipeline import Frame, Pipeline
from leukon.training.augment import Augmentation
from leukon.training.recipe import Optimizer, Recipe

RECIPE = Recipe(
    name="small",
    pipeline=Pipeline(frame=Frame(side_px=112, margin=1.4, silhouette=True)),
    augmentation=Augmentation(
        elastic=0.045, crosstalk=0.25, saturation=0.3, grey=0.15, dyes=0.3, soft=0.5, blur_px=3.0
    ),
    model=ModelSpec("mobilenet_v2_silhouette", finetune="after_block_5"),
    loss_options={"smoothing": 0.05},
    optimizer=Optimizer(rate=1.5e-3, weight_decay=0.02),
    epochs=14,
    batch_size=64,
    seed=0,
)
