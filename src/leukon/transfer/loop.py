"""Training the two generators: steps, checkpoints, resume, sample sheets."""

from __future__ import annotations

import copy
import hashlib
import json
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from leukon.errors import InputError
from leukon.imaging.files import write_image
from leukon.storage import replacing, write_json
from leukon.training.loop import DivergedError, follow
from leukon.transfer.generator import Generator
from leukon.transfer.objectives import critic_loss, generator_loss
from leukon.transfer.pictures import Pictures
from leukon.transfer.recipe import TransferRecipe
from leukon.types import Image

SETTLING_BATCHES = 8
SHEET_ROWS = 4
_BETAS, _EPS = (0.9, 0.999), 1e-7
_DAMAGE = OSError, RuntimeError, LookupError, TypeError, ValueError, EOFError, pickle.UnpicklingError
Report = Callable[[str, int, int], None]


def learn_transfer(
    recipe: TransferRecipe,
    pictures: Pictures,
    out: Path,
    *,
    eye: nn.Module | None = None,
    report: Report = lambda _what, _done, _total: None,
) -> Generator:
    """Train, and return the generator from source to target, in evaluation mode on the CPU.

    A training that was stopped goes on from its last checkpoint when called again, and one that is done is
    prolonged by more steps. It uses a GPU where there is one, in mixed precision.

    Parameters
    ----------
    recipe : TransferRecipe
    pictures : Pictures
    out : Path
        Folder of the training: ``recipe.json``, ``history.json``, ``last.pt``, and ``sheet-STEP.png``, with
        a row for each of a few squares: source, source mapped, target, target mapped back.
    eye : Module, optional
        The perceptual network, as `leukon.transfer.perceptual` builds one.
    report : callable
        Called with what is being done, the steps done and the steps in all.

    Raises
    ------
    InputError
        If the recipe does not suit the pictures, or `out` holds another training.
    DivergedError
        If a loss is no longer a number; `out` keeps the last checkpoint.
    """
    _check(recipe, pictures, eye)
    _claim(out, recipe, pictures)
    work = _Work(recipe, eye)
    step = kept = work.resume(out / "last.pt")
    while step < recipe.steps:
        losses = work.step(pictures, step)
        step += 1
        follow(work.average, work.networks["generator"], min(recipe.averaging, step / (step + 10)))
        is_checkpoint = step % recipe.checkpoint_every == 0 or step == recipe.steps
        if not np.isfinite([*losses.values()]).all() or (is_checkpoint and not work.is_finite()):
            told = ", ".join(f"{name} {loss:.3g}" for name, loss in losses.items())
            raise DivergedError(
                f"the training diverges at step {step} (losses: {told}): lower the rate; "
                + (f"{out} keeps the state of step {kept}" if kept else "no state is kept yet")
            )
        if is_checkpoint:
            kept = step
            work.history.append({"step": step, **losses})
            work.save(out / "last.pt", step)
            write_json(out / "history.json", work.history)
            write_image(out / f"sheet-{step:06d}.png", _sheet(work, pictures))
        report("steps", step, recipe.steps)
    network = settled(work.average, recipe, pictures.source).cpu()
    assert isinstance(network, Generator)
    return network


class _Work:
    """The moving parts: generators there and back, and the discriminators of target and source."""

    def __init__(self, recipe: TransferRecipe, eye: nn.Module | None) -> None:
        torch.manual_seed(recipe.seed)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        made: dict[str, nn.Module] = {name: recipe.generator.build() for name in ("generator", "way back")}
        if recipe.weights.adversarial:
            made |= {
                name: recipe.discriminator.build() for name in ("discriminator", "source's discriminator")
            }
        self.recipe = recipe
        # On processors convolutions run twice as fast with the channels last.
        self.networks = nn.ModuleDict(made).to(self.device).to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.networks["generator"])
        self.eye = None if eye is None else eye.to(self.device)
        self.optimizers = {
            name: torch.optim.Adam(network.parameters(), recipe.rate, _BETAS, _EPS)
            for name, network in self.networks.items()
        }
        self.history: list[dict[str, float]] = []

    def step(self, pictures: Pictures, number: int) -> dict[str, float]:
        """Train the discriminators, then each generator; return the losses, after the first broken none."""
        recipe = self.recipe
        batch = pictures.batch(recipe.batch_size, recipe.side_px, (recipe.seed, number))
        x, y = (one.to(self.device) for one in batch)
        there, back, *critics = self.networks.values()
        of_target, of_source = critics or (None, None)
        losses: dict[str, float] = {}
        for name, ways, a, b in (
            ("discriminator", (there, of_target), x, y),
            ("source's discriminator", (back, of_source), y, x),
        ):
            own, critic = ways
            if critic is not None:
                with torch.no_grad(), self._mixed():
                    made = own(a)
                with self._mixed():
                    loss = critic_loss(critic, b, made)
                if not self._descend(name, loss, losses):
                    return losses
        for name, networks, a, b in (
            ("generator", (there, back, of_target), x, y),
            ("way back", (back, there, of_source), y, x),
        ):
            with self._mixed():
                loss = generator_loss(recipe.weights, (*networks, self.eye), a, b)
            if not self._descend(name, loss, losses):
                return losses
        return losses

    def _descend(self, name: str, loss: Tensor, losses: dict[str, float]) -> bool:
        """Step one network alone, unless its loss is no number."""
        losses[name] = loss.item()
        if not np.isfinite(losses[name]):
            return False
        self.optimizers[name].zero_grad(set_to_none=True)
        loss.backward(inputs=list(self.networks[name].parameters()))  # type: ignore[no-untyped-call]
        self.optimizers[name].step()
        return True

    def _mixed(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda")

    def is_finite(self) -> bool:
        """Tell whether all weights and running statistics are numbers."""
        return all(bool(t.isfinite().all()) for t in self.networks.state_dict().values())

    def save(self, path: Path, step: int) -> None:
        state = {
            "networks": self.networks.state_dict(),
            "average": self.average.state_dict(),
            "optimizers": {name: one.state_dict() for name, one in self.optimizers.items()},
            "history": self.history,
            "step": step,
        }
        with replacing(path) as part:
            torch.save(state, part)

    def resume(self, path: Path) -> int:
        """Go on from `path`, if it is there; return the steps done."""
        if not path.exists():
            return 0
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            self.networks.load_state_dict(state["networks"])
            self.average.load_state_dict(state["average"])
            for name, one in self.optimizers.items():
                one.load_state_dict(state["optimizers"][name])
            self.history = state["history"]
            return int(state["step"])
        except _DAMAGE as error:
            raise InputError(
                f"checkpoint {path} is damaged ({error}): delete it to start the training anew"
            ) from error


@torch.no_grad()
def settled(network: nn.Module, recipe: TransferRecipe, images: Sequence[Image]) -> nn.Module:
    """Return a copy in evaluation mode, whose normalizations know `images` alone.

    In training they average over everything that passes: pictures of both systems and generated ones.
    """
    network = copy.deepcopy(network).train()
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.reset_running_stats()
            part.momentum = None  # the plain mean
    own = Pictures(images, images, are_paired=True)
    device = next(network.parameters()).device
    for i in range(SETTLING_BATCHES):
        network(own.batch(recipe.batch_size, recipe.side_px, (recipe.seed, i))[0].to(device))
    return network.eval()


@torch.no_grad()
def _sheet(work: _Work, pictures: Pictures) -> Image:
    """Draw squares of the source, the same mapped, squares of the target, and those mapped back."""
    recipe = work.recipe
    shown = pictures.batch(SHEET_ROWS, recipe.side_px, (recipe.seed,))
    columns = []
    ways = work.average, work.networks["way back"]
    for network, own, images in zip(ways, shown, (pictures.source, pictures.target), strict=True):
        mapped = settled(network, recipe, images)(own.to(work.device)).cpu()
        columns += [own, mapped.clamp(-1, 1)]
    rows = torch.cat(columns, dim=3).permute(0, 2, 3, 1).flatten(0, 1)
    return np.asarray(((rows + 1) * 127.5).round().numpy(), np.uint8)


def _check(recipe: TransferRecipe, pictures: Pictures, eye: nn.Module | None) -> None:
    stride = recipe.generator.stride
    if recipe.side_px < 1 or recipe.side_px % stride:
        raise InputError(
            f"squares of {recipe.side_px} px do not suit the generator: take multiples of {stride}"
        )
    if recipe.batch_size < 1 or recipe.checkpoint_every < 1:
        raise InputError("a training needs a picture in each batch, and steps between checkpoints")
    if recipe.is_paired and not pictures.are_paired:
        raise InputError("this method learns from aligned pairs; without them take cyclegan")
    if (recipe.weights.feature > 0) is (eye is None):
        raise InputError("a perceptual network serves the feature loss: give both or none")


def _claim(out: Path, recipe: TransferRecipe, pictures: Pictures) -> None:
    """Write what the training is, or check that it is the one to go on with; more steps may be asked for."""
    digest = hashlib.sha256()
    for image in (*pictures.source, *pictures.target):
        digest.update(np.ascontiguousarray(image).data)
    record = {**recipe.to_dict(), "pictures": digest.hexdigest(), "paired": pictures.are_paired}
    path = out / "recipe.json"
    if path.exists():
        held = json.loads(path.read_text(encoding="utf-8"))
        if {**held, "steps": 0} != json.loads(json.dumps({**record, "steps": 0})):
            raise InputError(f"{out} holds a training with another recipe or pictures: delete it")
    write_json(path, record)
