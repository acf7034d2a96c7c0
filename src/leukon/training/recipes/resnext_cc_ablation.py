"""The ablations of ResNeXt-CC: depth, space, fusion, loss, channel attention (its Tables 3 to 7).

Command   leukon compare resnext_cc_ablation --data cnmc:FOLDER --out ablation
Data      C-NMC 2019, normal against tumour cells; any other manifest will do
Published accuracy / F1 / AUROC / specificity, %: all parts 89.45 / 92.08 / 94.73 / 81.11 ("whole"); without
          ECA 87.46 / 90.62 / 93.87 / 77.72 ("centre")

=====  ======================================================================================
Table  recipes
=====  ======================================================================================
3      depth_50, depth_101: plain ResNeXt in HSV, softmax loss; 101 is 32×8d, which has published weights
4      rgb, hsv: convolutional down-sampling, w-softmax loss
5      hsv (no fusion), fusion_52, fusion_51
6      softmax, fusion_51 (w-softmax), centre (w-softmax + 0.05 centre loss), all with Conv5_1 + Conv5_3
7      pooling, centre (no ECA), whole (ECA after down-sampling)
=====  ======================================================================================

The table of hyper-parameters is lost from the text that we have: optimiser, rate, epochs and batch are a
reconstruction, alike for all. Augmentation as in the work: flips, rotation, scaling.
"""

from dataclasses import replace
from typing import Any

from leukon.imaging.color.identity import Identity
from leukon.imaging.spaces.hsv import Hsv
from leukon.imaging.spaces.rgb import Rgb
from leukon.models import ModelSpec
from leukon.pipeline import Frame, Pipeline, Scale
from leukon.training.augment import Augmentation
from leukon.training.recipe import Optimizer, Recipe

AS_IT_IS = Scale((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))  # "normalized into the range of [0, 1]"

WHOLE = Recipe(
    name="whole",
    pipeline=Pipeline(color=Identity(), frame=Frame(side_px=224, fill=0.0), space=Hsv(), scale=AS_IT_IS),
    augmentation=Augmentation(extent="geometry", zoom=0.2),
    model=ModelSpec("resnext_cc", pretrained=True),
    loss="weighted_sum",
    loss_options={"parts": [["w_softmax", 1.0], ["centre", 0.05]]},
    optimizer=Optimizer(rate=1e-4),
    epochs=50,
    batch_size=32,
    patience=15,
)


def _without(name: str, loss: str = "w_softmax", **parts: Any) -> Recipe:
    """Return the whole without ECA, with another loss, and with other `parts` of the network."""
    model = replace(WHOLE.model, options={"eca": "none", **parts})
    options = dict(WHOLE.loss_options) if loss == "weighted_sum" else {}
    return replace(WHOLE, name=name, model=model, loss=loss, loss_options=options)


HSV = _without("hsv", fusion="none")

RECIPES = {
    "depth_50": replace(
        HSV, name="depth_50", model=ModelSpec("resnext50", pretrained=True), loss="cross_entropy"
    ),
    "depth_101": replace(
        HSV, name="depth_101", model=ModelSpec("resnext101", "32x8d", pretrained=True), loss="cross_entropy"
    ),
    "rgb": replace(HSV, name="rgb", pipeline=replace(HSV.pipeline, space=Rgb())),
    "hsv": HSV,
    "fusion_52": _without("fusion_52", fusion="5_2+5_3"),
    "fusion_51": _without("fusion_51"),
    "softmax": _without("softmax", "cross_entropy"),
    "centre": _without("centre", "weighted_sum"),
    "pooling": _without("pooling", "weighted_sum", downsampling="pool"),
    "whole": WHOLE,
}
