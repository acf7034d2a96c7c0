"""The sets of recipes that ship, and pages of one's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from leukon.errors import InputError, UnknownNameError  # noqa: E402
from leukon.losses import build_loss  # noqa: E402
from leukon.training.recipe import adapted, load_recipe, load_recipes, recipe_sets  # noqa: E402

SETS = (
    "cnn_rivals",
    "ekmeans_cropping",
    "head_vs_all",
    "raw_vs_rgb",
    "resnext_cc_ablation",
    "vgg19_augmentation",
    "vgg19_rivals",
    "vit_rivals",
)


def test_the_sets_of_the_papers_ship() -> None:
    assert recipe_sets() == SETS


@pytest.mark.parametrize("name", SETS)
def test_every_recipe_of_a_set_can_be_trained(name: str) -> None:
    for key, recipe in load_recipes(name).items():
        assert recipe.name == key
        json.dumps(recipe.to_dict())
        with torch.device("meta"):
            network = (
                adapted(recipe, pretrained=False)
                .model.at(recipe.pipeline.frame.side_px)
                .build(2, channels=len(recipe.pipeline.space.channels))
            )
        build_loss(recipe.loss, recipe.loss_options, class_counts=[30, 10], features=network.features)


def test_the_networks_of_the_ablation_are_those_of_the_work() -> None:
    """Counts that follow from the work for two classes; see the model's own tests."""
    found = load_recipes("resnext_cc_ablation")
    counts = {}
    for name in ("depth_50", "hsv", "whole"):
        with torch.device("meta"):
            network = adapted(found[name], pretrained=False).model.build(2)
        counts[name] = sum(p.numel() for p in network.parameters())
    assert counts == {"depth_50": 22_984_002, "hsv": 23_020_994, "whole": 39_806_405}
    assert found["whole"].loss_options == {"parts": [["w_softmax", 1.0], ["centre", 0.05]]}


def test_the_rivals_of_vgg19_are_those_of_its_table() -> None:
    found = load_recipes("vgg19_rivals")
    assert set(found) == {
        "vgg19", "inception_v3", "resnet50", "xception", "xception_lstm", "inception_v3_lstm",
        "resnet50_lstm", "xception_resnet50_lstm", "convnet", "svm", "svm_morphology",
    }  # fmt: skip
    own = "convnet", "svm_morphology"
    pipelines = {json.dumps(r.pipeline.to_dict()) for name, r in found.items() if name not in own}
    assert len(pipelines) == 1  # the network alone makes the difference
    cropped = load_recipes("ekmeans_cropping")
    assert [r.pipeline.frame.isolate for r in cropped.values()] == ["", "ekmeans", "outline"]


def test_a_head_is_trained_alone() -> None:
    recipe = adapted(load_recipe("head_vs_all:resnet50_head"), pretrained=False)
    trained = {n for n, p in recipe.model.build(15).named_parameters() if p.requires_grad}
    assert trained == {"head.weight", "head.bias"}


def test_one_of_a_set_and_what_it_may_be_run_with() -> None:
    recipe = load_recipe("raw_vs_rgb:raw")
    assert recipe.pipeline.space.name == "raw"
    small = adapted(recipe, epochs=2, side_px=96, pretrained=False)
    assert (small.epochs, small.pipeline.frame.side_px, small.model.pretrained) == (2, 96, False)
    assert adapted(recipe) == recipe
    measured = load_recipe("vgg19_rivals:svm_morphology")
    assert adapted(measured, side_px=96) == measured  # what is measured has no side
    with pytest.raises(UnknownNameError, match="recipe of raw_vs_rgb 'rwa'"):
        load_recipe("raw_vs_rgb:rwa")
    with pytest.raises(UnknownNameError, match="unknown recipe set 'raw_v_rgb'"):
        load_recipes("raw_v_rgb")
    with pytest.raises(UnknownNameError, match="unknown recipe set"):
        load_recipes("../small")


def test_a_page_is_a_recipe_or_a_set(tmp_path: Path) -> None:
    page = tmp_path / "mine.py"
    page.write_text(
        "from leukon.training.recipe import Recipe\nRECIPES = {'a': Recipe('a'), 'b': Recipe('b')}\n"
    )
    assert list(load_recipes(str(page))) == ["a", "b"]
    assert load_recipe(f"{page}:b").name == "b"
    with pytest.raises(InputError, match=r"must define RECIPE = .*it is a set: name one of it, such as .*:a"):
        load_recipe(str(page))
    page.write_text("from leukon.training.recipe import Recipe\nRECIPE = Recipe('a')\n")
    with pytest.raises(InputError, match="must define RECIPES"):
        load_recipes(str(page))
    page.write_text("RECIPES = {'a': 1}\n")
    with pytest.raises(InputError, match="must define RECIPES"):
        load_recipes(str(page))
