"""VGG19 before and after augmentation.

Command   leukon data split kaggle_blood_cells:FOLDER --protocol official --out kaggle.csv
          leukon compare vgg19_augmentation --data kaggle.csv --out augmentation
          The work's own way, twenty fixed variants of each training image, checkerboards among them:
          leukon data expand kaggle.csv --plan paper --out expanded
          leukon train vgg19_augmentation:before --data expanded/manifest.csv --out after_20
          leukon compare augmentation/runs/before after_20 --data kaggle.csv --out checkerboard
Data      Kaggle blood-cells, the work's own split into TRAIN and TEST; any other manifest will do
Published validation accuracies 90.13 % before and 96.24 % after; neither is a count of the 2,487 test images
"""

from dataclasses import replace

from leukon.training.augment import Augmentation
from leukon.training.recipe import load_recipe

AFTER = load_recipe("vgg19_rivals:vgg19")

RECIPES = {
    "before": replace(AFTER, name="before", augmentation=Augmentation(extent="none")),
    "after": replace(AFTER, name="after"),
}
