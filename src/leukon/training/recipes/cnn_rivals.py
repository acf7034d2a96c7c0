"""ResNeXt-CC against other convolutional networks (its Table 8).

Command   leukon compare cnn_rivals --data cnmc:FOLDER --out cnn_rivals
Data      C-NMC 2019, normal against tumour cells; any other manifest will do
Published ResNeXt-CC is 4.66 to 8.57 points better in accuracy, 6.12 to 11.68 in specificity

All see HSV and learn by the same schedule; the rivals by the softmax loss. The table of hyper-parameters is
lost from the text that we have: they are a reconstruction.
"""

from dataclasses import replace

from leukon.models import ModelSpec
from leukon.training.recipe import load_recipe

WHOLE = load_recipe("resnext_cc_ablation:whole")

RECIPES = {
    "resnext_cc": replace(WHOLE, name="resnext_cc"),
    **{
        name: replace(
            WHOLE,
            name=name,
            model=ModelSpec(name, pretrained=True),
            loss="cross_entropy",
            loss_options={},
        )
        for name in ("resnet50", "inception_v3", "densenet121", "vgg16")
    },
}
