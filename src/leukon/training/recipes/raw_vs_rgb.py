"""Raw image space against RGB, and beside them HSV and optical density: ResNet50, all layers.

Command   leukon compare raw_vs_rgb --data aml_lmu:FOLDER --out raw_vs_rgb
Data      AML-Cytomorphology_LMU (Matek et al. 2019), 15 classes, 10 % held out; any other manifest will do
Published accuracy on 1,836 test cells: RGB 96.57 %, RGB with augmentation 96.02 %, raw 96.84 %. Raw is five
          cells better than RGB: within chance.

The work names neither optimiser, rate, epochs nor batch: these are a reconstruction, alike for all. Nor does
it name its augmentation: here cells are turned, mirrored, zoomed and shifted. Cells are framed as everywhere
in Leukon, and their colours left as they are.
"""

from dataclasses import replace

from leukon.imaging.color.identity import Identity
from leukon.imaging.spaces import Space
from leukon.imaging.spaces.hsv import Hsv
from leukon.imaging.spaces.optical_density import OpticalDensity
from leukon.imaging.spaces.raw import Raw
from leukon.models import ModelSpec
from leukon.pipeline import Frame, Pipeline
from leukon.training.augment import Augmentation
from leukon.training.recipe import Optimizer, Recipe

RGB = Recipe(
    name="rgb",
    pipeline=Pipeline(color=Identity(), frame=Frame(side_px=224)),
    fit_scale=True,
    augmentation=Augmentation(extent="none"),
    model=ModelSpec("resnet50", pretrained=True),
    optimizer=Optimizer(rate=1e-4),
    epochs=20,
    batch_size=32,
    patience=20,
)


def _in(name: str, space: Space) -> Recipe:
    return replace(RGB, name=name, pipeline=replace(RGB.pipeline, space=space))


RECIPES = {
    "rgb": RGB,
    "rgb_augmented": replace(RGB, name="rgb_augmented", augmentation=Augmentation(extent="geometry")),
    "raw": _in("raw", Raw()),
    "hsv": _in("hsv", Hsv()),
    "optical_density": _in("optical_density", OpticalDensity()),
}
