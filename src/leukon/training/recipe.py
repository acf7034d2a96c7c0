"""A recipe: everything that decides a training run, on one page."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from leukon.errors import InputError, UnknownNameError
from leukon.models import ModelSpec
from leukon.pipeline import Pipeline
from leukon.registry import look_up
from leukon.training.augment import Augmentation
from leukon.training.batch_augment import BatchAugmentation
from leukon.training.teacher import Distillation

RECIPES = Path(__file__).parent / "recipes"
_IS_SET = re.compile(r"^RECIPES\b", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Optimizer:
    """AdamW, or gradient descent with momentum; a linear warm-up and a cosine decay to zero.

    Attributes
    ----------
    rate : float
        Highest learning rate.
    weight_decay : float
        Weight decay of the matrices and kernels: decoupled in AdamW, L2 in gradient descent.
    warmup : float
        Share of all steps in which the rate rises.
    momentum : float, optional
        Use stochastic gradient descent with this momentum.
    """

    rate: float = 1e-3
    weight_decay: float = 0.02
    warmup: float = 0.05
    momentum: float | None = None


@dataclass(frozen=True, slots=True)
class Svm:
    """Support vector machines on the network's features, one per class against the rest.

    Attributes
    ----------
    kernel : {"rbf", "linear"}
    penalties : tuple of float
        Values of C to try; the best on the validation part is kept.
    """

    kernel: Literal["rbf", "linear"] = "rbf"
    penalties: tuple[float, ...] = (0.1, 1.0, 10.0, 100.0)


@dataclass(frozen=True, slots=True)
class Recipe:
    """One training run.

    Attributes
    ----------
    name : str
        Goes into the run's records and the bundle's provenance.
    pipeline : Pipeline
        What the network sees.
    fit_scale : bool
        Measure the pipeline's scale on the training cells instead of taking the recipe's.
    augmentation : Augmentation
        Drawn anew for every cell in every epoch.
    model : ModelSpec
        The network and what it starts from.
    loss : str
        A key of `leukon.losses.LOSSES`.
    loss_options : mapping
        Its arguments.
    optimizer : Optimizer
        AdamW's settings.
    epochs, batch_size : int
        Passes over the training part; cells in a step.
    patience : int
        Stop after this many epochs without a better balanced accuracy on the validation part.
    averaging : float
        Decay of the running average of the weights that is validated and kept; 0 for none.
    seed : int
        Of everything random.
    svm : Svm, optional
        In place of the network's head, while the network stays as it starts: loss, optimizer, batches,
        patience and averaging count for nothing, and `epochs` says how often each training cell is seen,
        augmented anew.
    batch : BatchAugmentation
        Changes of whole batches on the network's device, after the pipeline; none by default. An SVM's
        features are taken without.
    distillation : Distillation
        Learning from another run's network besides the labels; none by default, and none for an SVM.
    """

    name: str
    pipeline: Pipeline = field(default_factory=Pipeline)
    fit_scale: bool = False
    augmentation: Augmentation = field(default_factory=Augmentation)
    model: ModelSpec = field(default_factory=ModelSpec)
    loss: str = "cross_entropy"
    loss_options: Mapping[str, Any] = field(default_factory=dict)
    optimizer: Optimizer = field(default_factory=Optimizer)
    epochs: int = 12
    batch_size: int = 64
    patience: int = 5
    averaging: float = 0.998
    seed: int = 0
    svm: Svm | None = None
    batch: BatchAugmentation = field(default_factory=BatchAugmentation)
    distillation: Distillation = field(default_factory=Distillation)

    def to_dict(self) -> dict[str, Any]:
        """Return the resolved recipe as JSON values; of the weights, the file's name."""
        values = asdict(self) | {"pipeline": self.pipeline.to_dict(), "loss_options": dict(self.loss_options)}
        values["model"]["weights"] = Path(self.model.weights).name
        values["distillation"]["run"] = Path(self.distillation.run).name
        return values


@dataclass(frozen=True, slots=True)
class Range:
    """What a number is searched in, ends included: a whole number where both ends are."""

    low: float
    high: float
    log: bool = False


Search = dict[str, Range | tuple[Any, ...]]
"""Paths of settings in a recipe, such as ``"optimizer.rate"``, and where each is searched."""

DEFAULT_SEARCH: Search = {
    "optimizer.rate": Range(1e-5, 1e-2, log=True),
    "optimizer.weight_decay": Range(1e-4, 1e-1, log=True),
}


def load_recipe(name: str) -> Recipe:
    """Load a recipe that ships with Leukon, by name, or a Python page of your own, by path.

    One of a set is named ``SET:NAME``. A page is executed: load only those that you trust.

    Raises
    ------
    UnknownNameError
        If no recipe has this name.
    InputError
        If the page fails or does not define ``RECIPE``.
    """
    name, _, member = name.partition(":")
    if member:
        return look_up(f"recipe of {name}", member, load_recipes(name))
    path, page = _load_page(name, "recipe")
    recipe = getattr(page, "RECIPE", None)
    if isinstance(recipe, Recipe):
        return recipe
    one = next(iter(recipes), "") if isinstance(recipes := getattr(page, "RECIPES", None), dict) else ""
    hint = f"; it is a set: name one of it, such as {name}:{one}, or train it with leukon compare"
    raise InputError(f"recipe {path} must define RECIPE = Recipe(...){hint if one else ''}")


def load_recipes(name: str) -> dict[str, Recipe]:
    """Load a set of recipes, by name or by path: what is trained alike and then compared.

    Raises
    ------
    UnknownNameError
        If no set has this name.
    InputError
        If the page fails or does not define ``RECIPES``.
    """
    path, page = _load_page(name, "recipe set")
    recipes = getattr(page, "RECIPES", None)
    if (
        not isinstance(recipes, dict)
        or not recipes
        or not all(isinstance(r, Recipe) for r in recipes.values())
    ):
        raise InputError(f"recipe set {path} must define RECIPES = {{name: Recipe(...)}}")
    return dict(recipes)


def load_search(name: str) -> Search:
    """Load what a recipe's page lets one search, its ``SEARCH``; by default the rate and the weight decay.

    Raises
    ------
    UnknownNameError
        If there is no such recipe.
    InputError
        If the page fails, or ``SEARCH`` is something else.
    """
    path, page = _load_page(name.partition(":")[0], "recipe")
    search = getattr(page, "SEARCH", DEFAULT_SEARCH)
    if (
        not isinstance(search, dict)
        or not search
        or not all(
            isinstance(among, Range) or (isinstance(among, tuple) and among) for among in search.values()
        )
    ):
        raise InputError(f"SEARCH of {path} must be {{setting: Range(low, high) or (value, …)}}")
    return dict(search)


def with_settings(recipe: Recipe, settings: Mapping[str, Any]) -> Recipe:
    """Return `recipe` with other values for settings that are named by their path.

    Raises
    ------
    UnknownNameError
        If a path leads nowhere.

    Examples
    --------
    >>> changed = with_settings(Recipe("mine"), {"optimizer.rate": 0.1, "model.options.depth": 50})
    >>> changed.optimizer.rate, changed.model.options
    (0.1, {'depth': 50})
    """
    for path, value in settings.items():
        recipe = _with(recipe, path.split("."), value, path)
    return recipe


def _with(holder: Any, path: Sequence[str], value: Any, whole: str) -> Any:
    name, *rest = path
    if isinstance(holder, Mapping) and not rest:
        return {**holder, name: value}
    known = [f.name for f in fields(holder)] if is_dataclass(holder) else []
    if name not in known:
        raise UnknownNameError(f"setting {whole!r}: part", name, known or {"(none)"})
    return replace(holder, **{name: _with(getattr(holder, name), rest, value, whole) if rest else value})


def recipe_sets() -> tuple[str, ...]:
    """Names of the sets that ship with Leukon."""
    return tuple(sorted(p.stem for p in RECIPES.glob("*.py") if _IS_SET.search(p.read_text())))


def adapted(
    recipe: Recipe,
    *,
    epochs: int | None = None,
    side_px: int | None = None,
    pretrained: bool | None = None,
    weights: Mapping[str, str] | None = None,
) -> Recipe:
    """Return `recipe` with other epochs, side of the picture or start, where they are given.

    `weights` names the file to start from for networks by their name; the others start as they would.
    """
    if epochs is not None:
        recipe = replace(recipe, epochs=epochs)
    if side_px is not None and recipe.pipeline.frame.side_px > 1:  # one pixel holds measurements
        frame = replace(recipe.pipeline.frame, side_px=side_px)
        recipe = replace(recipe, pipeline=replace(recipe.pipeline, frame=frame))
    if weights and recipe.model.name in weights:
        recipe = replace(recipe, model=replace(recipe.model, weights=weights[recipe.model.name]))
    if pretrained is not None:
        recipe = replace(recipe, model=replace(recipe.model, pretrained=pretrained))
    return recipe


def _load_page(name: str, kind: str) -> tuple[Path, ModuleType]:
    path = Path(name)
    if path.suffix != ".py":
        path = RECIPES / f"{name}.py"
        if path.parent != RECIPES or not path.exists():
            shipped = {p.stem for p in RECIPES.glob("*.py")} - {"__init__", *recipe_sets()}
            raise UnknownNameError(kind, name, recipe_sets() if kind == "recipe set" else shipped)
    elif not path.exists():
        raise InputError(f"there is no {kind} {path}: check the path")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path} cannot be loaded as Python")
    page = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(page)
    except Exception as error:
        raise InputError(f"{kind} {path} fails: {type(error).__name__}: {error}") from error
    return path, page
