"""Learning RGB → raw from pictures of the smear generator, whose raw signal is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from leukon.datasets.synthetic import SYSTEMS, SceneSpec, draw_scene, random_stain, random_system, render
from leukon.errors import InputError
from leukon.models.rgb2raw import Rgb2Raw, Rgb2RawSpec, mosaic_mask
from leukon.registry import look_up
from leukon.types import PERIPHERAL_BLOOD

SCENE_UM = 24.0
_FLOOR = 1e-3  # logarithms are taken above it


@dataclass(frozen=True, slots=True)
class RawSchedule:
    """How RGB → raw is learned.

    Attributes
    ----------
    systems : tuple of str
        Imaging systems of the pictures; none for a random one each.
    scenes : int
        Pictures that patches are cut from.
    steps, batch_size, patch_px : int
        Of the training.
    rate : float
        Highest learning rate of Adam; it decays to 0 by a cosine.
    seed : int
        Of everything random.
    """

    systems: tuple[str, ...] = ()
    scenes: int = 64
    steps: int = 2000
    batch_size: int = 4
    patch_px: int = 64
    rate: float = 5e-4
    seed: int = 0


Pair = tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint16]]


def draw_pairs(schedule: RawSchedule) -> list[Pair]:
    """Render scenes of one cell each; (picture, linear camera RGB), both of shape (H, W, 3).

    Raises
    ------
    UnknownNameError
        If a system is not known.
    """
    known = [look_up("imaging system", name, SYSTEMS) for name in schedule.systems]
    pairs = []
    for i in range(schedule.scenes):
        rng = np.random.default_rng((schedule.seed, i))
        label = str(rng.choice(PERIPHERAL_BLOOD.names))
        scene = draw_scene(SceneSpec(SCENE_UM, SCENE_UM, (label,)), schedule.seed * 100_000 + i)
        system = known[i % len(known)] if known else random_system(rng)
        rendering = render(scene, system, i, stain=None if known else random_stain(rng))
        pairs.append((rendering.srgb, rendering.raw))
    return pairs


def learn_raw(
    schedule: RawSchedule,
    spec: Rgb2RawSpec | None = None,
    *,
    advance: Callable[[int], None] = lambda _steps: None,
) -> tuple[Rgb2Raw, list[float]]:
    """Train the network; the same call gives the same weights on one machine.

    The loss is CycleISP's: the mean difference of the signals, and that of their logarithms, so that dark
    parts count too (Zamir et al. 2020).

    Returns
    -------
    network : Rgb2Raw
        In evaluation mode.
    losses : list of float
        One a step.

    Raises
    ------
    InputError
        If the loss is not finite, or the schedule has no steps, scenes, or room for a patch.
    """
    if min(schedule.steps, schedule.scenes, schedule.batch_size, schedule.patch_px) < 1:
        raise InputError("learning raw needs at least one step, scene, cell in a batch and pixel in a patch")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(schedule.seed)
    network = (spec or Rgb2RawSpec()).build().to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=schedule.rate)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, schedule.steps)
    losses: list[float] = []
    for rgb, raw in _batches(draw_pairs(schedule), schedule):
        loss = raw_loss(network(rgb.to(device)), raw.to(device), mosaic=network.mosaic)
        if not torch.isfinite(loss):
            raise InputError(f"the loss is {loss.item()} after {len(losses)} steps: lower the rate")
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        decay.step()
        losses.append(loss.item())
        advance(1)
    return network.cpu().eval(), losses


def raw_loss(predicted: Tensor, raw: Tensor, *, mosaic: bool) -> Tensor:
    """L1 of the signal plus L1 of its logarithm, over the values that a mosaic has where it is one."""
    mask = mosaic_mask(raw) if mosaic else torch.ones_like(raw[:1])
    logs = predicted.clamp_min(_FLOOR).log() - raw.clamp_min(_FLOOR).log()
    each = ((predicted - raw).abs() + logs.abs()) * mask
    return each.sum() / (mask.sum() * len(raw))


def _batches(pairs: Sequence[Pair], schedule: RawSchedule) -> Iterator[tuple[Tensor, Tensor]]:
    rng = np.random.default_rng((schedule.seed, len(pairs)))
    side = min([schedule.patch_px, *(min(rgb.shape[:2]) for rgb, _ in pairs)])
    for _ in range(schedule.steps):
        patches = []
        for i in rng.integers(len(pairs), size=schedule.batch_size):
            height, width = pairs[i][0].shape[:2]
            y, x = rng.integers(height - side + 1), rng.integers(width - side + 1)
            turns, mirror = int(rng.integers(4)), int(rng.choice((-1, 1)))
            patches.append(
                [np.rot90(image[y : y + side, x : x + side][:, ::mirror], turns) for image in pairs[i]]
            )
        rgb, raw = (np.stack(images).transpose(0, 3, 1, 2) for images in zip(*patches, strict=True))
        yield torch.from_numpy(rgb / np.float32(255)), torch.from_numpy(raw / np.float32(65535))
