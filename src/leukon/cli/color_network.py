"""``leukon color fit`` for the methods that are networks."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leukon.imaging.color.fitting import ColorFit
    from leukon.imaging.color.look import Look
    from leukon.types import Image

DEFAULT_EYE = "small"


@dataclass(frozen=True, slots=True)
class NetworkOptions:
    """What the command line says about the training of a network; None for what it leaves open."""

    size: str | None = None
    perceptual: str | None = None
    steps: int | None = None

    def refuse(self, method: str) -> None:
        """Raise where `method` is no network and yet something is said."""
        from leukon.errors import InputError

        for name, value in asdict(self).items():
            if value is not None:
                raise InputError(f"--{name} is for networks; {method} is fitted in closed form")


def fit_network(
    method: str,
    source: tuple[Sequence[Image], Look],
    target: tuple[Sequence[Image], Look],
    out: Path,
    options: NetworkOptions,
    *,
    pairs: bool,
) -> ColorFit:
    """Train a network, write its map to `out` and say how well it does.

    The training lies beside `out`, in a folder of its name and the suffix ``.training``.
    """
    from leukon.cli.color_inputs import judged
    from leukon.cli.console import stages
    from leukon.errors import InputError, MissingExtraError
    from leukon.imaging.color.fitting import network_record
    from leukon.imaging.color.network import SUFFIX, NetworkMap
    from leukon.registry import look_up
    from leukon.storage import write_bytes

    try:
        from leukon.export.onnx import transfer_to_onnx
        from leukon.transfer.loop import learn_transfer
        from leukon.transfer.perceptual import perceptual_network
        from leukon.transfer.pictures import Pictures
        from leukon.transfer.recipe import RECIPES
    except ImportError as error:
        raise MissingExtraError("training a colour network", "train") from error

    if out.suffix != SUFFIX:
        raise InputError(f"{out} is no place for a network: name a file with the suffix {SUFFIX}")
    recipe = look_up("size", options.size or "small", RECIPES)[method]
    if options.steps is not None:
        recipe = replace(recipe, steps=options.steps)
    if options.perceptual is not None and not recipe.weights.feature:
        raise InputError(f"--perceptual is for pcnet; {method} has no feature loss")
    eye = perceptual_network(options.perceptual or DEFAULT_EYE) if recipe.weights.feature else None
    folder = out.with_suffix(".training")
    with stages() as report:
        pictures = Pictures(source[0], target[0], pairs)
        network = learn_transfer(recipe, pictures, folder, eye=eye, report=report)
    content = transfer_to_onnx(network)
    plain = folder / f"generator{SUFFIX}"
    write_bytes(plain, content)
    digest = hashlib.sha256(content).hexdigest()
    color = NetworkMap(str(plain), digest, network.stride, network.reach, method)
    fit = judged(color, source, target)
    content = transfer_to_onnx(network, network_record(fit))
    write_bytes(out, content)
    return replace(fit, map=replace(color, file=str(out), sha256=hashlib.sha256(content).hexdigest()))
