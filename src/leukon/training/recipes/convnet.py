"""The optimised ConvNet: three convolutions, two poolings between, settings by Bayesian optimisation.

Command   leukon tune convnet --data kaggle_blood_cells:FOLDER --out convnet --trials 50
Data      Kaggle blood-cells, TRAIN; any other manifest with the parts train and val will do
Published accuracy 93.37 % on 2,487 test images

The work searches filters, kernel, learning rate, momentum and L2, and weighs the recognition rate against
the run time; the ranges, the picture's side and the schedule are a reconstruction. What the search finds are
runs like any other, to be scored on TEST and exported.
"""

from leukon.imaging.color.identity import Identity
from leukon.models import ModelSpec
from leukon.pipeline import Frame, Pipeline
from leukon.training.augment import Augmentation
from leukon.training.recipe import Optimizer, Range, Recipe

RECIPE = Recipe(
    name="convnet",
    pipeline=Pipeline(color=Identity(), frame=Frame(side_px=96)),
    augmentation=Augmentation(extent="geometry"),
    model=ModelSpec("convnet"),
    optimizer=Optimizer(rate=0.02, weight_decay=1e-4, momentum=0.9),
    epochs=20,
    batch_size=64,
    patience=8,
    averaging=0.99,
)

SEARCH = {
    "model.options.filters": (8, 16, 32, 64),
    "model.options.kernel": (3, 5, 7),
    "optimizer.rate": Range(1e-3, 0.2, log=True),
    "optimizer.momentum": Range(0.5, 0.98),
    "optimizer.weight_decay": Range(1e-6, 1e-2, log=True),
}
