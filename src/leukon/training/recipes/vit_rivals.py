"""ResNeXt-CC against vision transformers (its Table 9).

Command   leukon compare vit_rivals --data cnmc:FOLDER --out vit_rivals
Data      C-NMC 2019, normal against tumour cells; any other manifest will do
Published ResNeXt-CC is 10.39 to 20.43 points better in accuracy, 22.78 to 36.98 in specificity

All see HSV and learn by the same schedule; the rivals by the softmax loss. Only ResNeXt-CC and CrossViT have
published weights to start from, the others start at random, which costs them dearly. The table of
hyper-parameters is lost from the text that we have: they are a reconstruction.
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
            model=ModelSpec(name, pretrained=name == "crossvit"),
            loss="cross_entropy",
            loss_options={},
        )
        for name in ("crossvit", "t2t_vit", "deepvit", "simple_vit")
    },
}
