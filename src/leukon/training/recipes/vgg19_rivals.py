"""VGG19 against other networks, their hybrids with an LSTM, an optimised ConvNet and SVMs (its Table 2).

Command   leukon data split kaggle_blood_cells:FOLDER --protocol official --out kaggle.csv
          leukon compare vgg19_rivals --data kaggle.csv --out vgg19_rivals
Data      Kaggle blood-cells, the work's own split into TRAIN and TEST; any other manifest will do
Published accuracy, %, on 2,487 test images: Xception-LSTM 90.79, Inception-v3-LSTM 87.45, ResNet50-LSTM
          89.38, Xception-ResNet50-LSTM 88.58, Inception-v3 84.08, ResNet50 87.62, Xception 88.70,
          ConvNet 93.37. VGG19's 96.24 is no count of 2,487 images but a validation accuracy: it belongs
          beside no test accuracy.

All but the ConvNet, which has a page of its own, and the SVM on morphology see cells with normalized
intensities, at 224 px; networks see them moved and turned. A tenth of TRAIN chooses the epoch. TEST comes
from 71 originals, and intervals must respect them. The work names neither optimiser, rate, epochs nor batch:
these are a reconstruction, alike for all but VGG19, which has no norms and needs smaller steps.
"""

from dataclasses import replace

from leukon.imaging.color.background import Background
from leukon.imaging.color.rescale import Rescale
from leukon.models import ModelSpec
from leukon.pipeline import Frame, Pipeline
from leukon.segmentation.morphology import Morphology
from leukon.training.augment import Augmentation
from leukon.training.recipe import Optimizer, Recipe, Svm, load_recipe

VGG19 = Recipe(
    name="vgg19",
    pipeline=Pipeline(color=Rescale(), frame=Frame(side_px=224)),
    augmentation=Augmentation(extent="geometry"),
    model=ModelSpec("vgg19", pretrained=True),
    optimizer=Optimizer(rate=3e-5),
    epochs=20,
    batch_size=32,
    patience=20,
)

RECIPES = {
    "vgg19": VGG19,
    **{
        name: replace(
            VGG19, name=name, model=ModelSpec(name, pretrained=True), optimizer=Optimizer(rate=1e-4)
        )
        for name in (
            "inception_v3",
            "resnet50",
            "xception",
            "xception_lstm",
            "inception_v3_lstm",
            "resnet50_lstm",
            "xception_resnet50_lstm",
        )
    },
    "convnet": load_recipe("convnet"),
    "svm": replace(
        VGG19,
        name="svm",
        augmentation=Augmentation(extent="none"),
        model=ModelSpec("resnet50", pretrained=True),
        epochs=1,
        svm=Svm(),
    ),
    "svm_morphology": replace(
        VGG19,
        name="svm_morphology",
        pipeline=replace(VGG19.pipeline, color=Background(), frame=Frame(side_px=1), space=Morphology()),
        fit_scale=True,
        augmentation=Augmentation(extent="none"),
        model=ModelSpec("linear"),
        epochs=1,
        svm=Svm(),
    ),
}
