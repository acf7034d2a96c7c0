"""Fine-tuning the last layer alone against all layers, of CNNs and vision transformers.

Command   leukon compare head_vs_all --data aml_lmu:FOLDER --out head_vs_all --weights kimianet=FILE
          (KimiaNet's weights are its authors' to give; without them name the others with --only)
Data      AML-Cytomorphology_LMU (Matek et al. 2019), 15 classes, 10 % held out; any other manifest will do
Published accuracy, last layer: ResNet50 85.89 %, KimiaNet 86.77 %, ViT-B/16 90.14 %; all layers: 96.57 %,
          96.73 %, 96.57 %, ViT-B/32 95.10 %, ViT-L/16 96.19 %, ViT-L/32 96.08 %

The work names neither optimiser, rate, epochs nor batch: these are a reconstruction.
"""

from leukon.imaging.color.identity import Identity
from leukon.models import ModelSpec
from leukon.pipeline import Frame, Pipeline
from leukon.training.augment import Augmentation
from leukon.training.recipe import Optimizer, Recipe


def _recipe(network: str, finetune: str) -> Recipe:
    return Recipe(
        name=f"{network}_{finetune}",
        pipeline=Pipeline(color=Identity(), frame=Frame(side_px=224)),
        augmentation=Augmentation(extent="none"),
        model=ModelSpec(network, pretrained=True, finetune=finetune),
        # A new last layer on features that stay put bears, and needs, larger steps.
        optimizer=Optimizer(rate=1e-3 if finetune == "head" else 1e-4 if "vit" not in network else 3e-5),
        epochs=20,
        batch_size=32,
        patience=20,
    )


RECIPES = {
    f"{network}_{finetune}": _recipe(network, finetune)
    for finetune, networks in (
        ("head", ("resnet50", "kimianet", "vit_b16")),
        ("all", ("resnet50", "kimianet", "vit_b16", "vit_b32", "vit_l16", "vit_l32")),
    )
    for network in networks
}
