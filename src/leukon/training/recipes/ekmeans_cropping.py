"""VGG19 on whole surroundings, on cells cut out by EK-means, and on cells cut out along their outline.

Command   leukon data split kaggle_blood_cells:FOLDER --protocol official --out kaggle.csv
          leukon compare ekmeans_cropping --data kaggle.csv --out ekmeans_cropping
Data      Kaggle blood-cells, the work's own split into TRAIN and TEST; any other manifest will do
Published nothing: the work segments always, and does not say what that gains

What lies around the cell becomes grey. ``ekmeans`` is the work's plain method, ``outline`` Leukon's own.
"""

from dataclasses import replace

from leukon.training.recipe import Recipe, load_recipe

WHOLE = load_recipe("vgg19_rivals:vgg19")


def _isolated(method: str) -> Recipe:
    frame = replace(WHOLE.pipeline.frame, isolate=method)
    return replace(WHOLE, name=method, pipeline=replace(WHOLE.pipeline, frame=frame))


RECIPES = {
    "whole": replace(WHOLE, name="whole"),
    "ekmeans": _isolated("ekmeans"),
    "outline": _isolated("outline"),
}
