"""The shipped bundle ``small``: three stages of ResNet-50 v2 at 96 px, and three networks of the silhouette.

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
    pipeline=Pipeline(frame=Frame(side_px=96, margin=1.4, silhouette=True)),
    augmentation=Augmentation(
        elastic=0.045, crosstalk=0.25, saturation=0.3, grey=0.15, dyes=0.3, soft=0.5, blur_px=3.0, plain=0.25
    ),
    model=ModelSpec("resnet50_v2_silhouette", finetune="after_layer1_3", options={"silhouettes": 3}),
    loss_options={"smoothing": 0.05},
    optimizer=Optimizer(rate=6e-4, weight_decay=0.02),
    epochs=10,
    batch_size=64,
    seed=0,
)
