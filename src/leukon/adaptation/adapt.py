"""A few labelled cells of a new imaging system: a second head for it, the first one left as it is.

The second head starts from what the first says, and is fitted to the network's features of the labelled
cells. A gate, a linear function of the same features, tells the new system's cells from those that the bundle
replays; what it takes for the known systems is answered by the first head, so that nothing is forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax, softmax

from leukon.adaptation.features import Observer, Seen, said_of
from leukon.adaptation.folds import FOLDS, units_of
from leukon.adaptation.graph import VIEWS, SecondHead, with_second_head
from leukon.adaptation.head import Floats, Head, Ints, fit_heads
from leukon.bundle import Bundle, Contents
from leukon.errors import InputError, UnknownNameError
from leukon.evaluation import Example, score

PENALTIES = 0.3, 0.03, 0.01, 0.003, 0.001
"""Strengths of regularisation that cross-validation chooses from."""

GATE_PENALTY = 0.01
LEAST_CELLS = 3
"""Labelled cells that a class needs to be cross-validated; a class with fewer is learned all the same."""

LEAST_RECOGNISED = 0.5
"""Share of the cells that the gate must know as the new system's."""

MOST_ROWS = 1600
"""Views of cells in one fit, which bounds its time: of many cells fewer views are learned from."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What adaptation does to cells of the new system, each predicted by heads that did not learn from it.

    Attributes
    ----------
    cells : dict
        Labelled cells of each class.
    before, after : float
        Balanced accuracy of the bundle as it was, and adapted; over the classes of at least `LEAST_CELLS`.
    loss_before, loss_after : float
        Mean negative log-likelihood of the true class, each class weighing the same.
    recognised : float
        Share of the cells that the gate knows as the new system's.
    penalty : float
        Chosen among `PENALTIES` by `loss_after`.
    prior : float
        0…1: how far the second head believes the first.
    """

    cells: dict[str, int]
    before: float
    after: float
    loss_before: float
    loss_after: float
    recognised: float
    penalty: float
    prior: float

    @property
    def helps(self) -> bool:
        """Whether the bundle is better for it."""
        return self.after > self.before or (self.after == self.before and self.loss_after < self.loss_before)


@dataclass(frozen=True, eq=False, slots=True)
class Adapted:
    """An adapted bundle's contents, and what it gains."""

    contents: Contents
    figures: Figures


@dataclass(frozen=True, eq=False, slots=True)
class Learned:
    """A second head, and the gate before it: a head of the classes home and new."""

    head: Head
    gate: Head

    def is_new(self, seen: Seen) -> npt.NDArray[np.bool_]:
        """Whether the second head answers for the cells, shape (N,)."""
        return knows(self.gate, seen)

    def logits(self, seen: Seen) -> Floats:
        """Return calibrated logits of the head in charge, shape (N, K)."""
        return np.where(self.is_new(seen)[:, None], self.head.logits(*seen.averaged()), seen.as_is()[1])


def adapt(
    bundle: Bundle,
    examples: Sequence[Example],
    *,
    name: str,
    advance: Callable[[int], None] | None = None,
) -> Adapted:
    """Fit `bundle` to the imaging system of some labelled cells.

    Parameters
    ----------
    bundle : Bundle
        Unrestricted.
    examples : sequence of Example
        Cells of the new system; 5 to 20 of each class are enough. A class without any is left to what the
        bundle knows.
    name : str
        Name of the new bundle.
    advance : callable, optional
        Told how many cells were looked at.

    Returns
    -------
    Adapted
        On the cells that the bundle replays it answers as before.

    Raises
    ------
    InputError
        If fewer than two classes have `LEAST_CELLS` cells, or the cells cannot be told from those that the
        bundle replays.
    UnknownNameError
        If the bundle does not know a label.
    BundleError
        If the bundle's network does not end in one linear layer.
    """
    _labels(examples, bundle.taxonomy.names)  # before the work of looking
    cells = [example.cell for example in examples]
    said, _ = said_of(bundle, cells)
    observer = Observer(bundle, abroad=True)
    home = observer.see(bundle.contents.sample.cells)
    new = observer.see(cells, advance=advance)
    learned, figures = learn(new, home, said, examples, bundle.taxonomy.names)
    refuse_known(learned.gate, home, new)
    network = with_second_head(observer.network, second_head(learned.head, learned.gate, bundle))
    section = _card_section(bundle.name, figures)
    return Adapted(contents_of(bundle, name, network, asdict(figures), section), figures)


def refuse_known(gate: Head, home: Seen, new: Seen) -> None:
    """Raise `InputError` where the gate cannot tell the cells that the bundle replays from the new ones."""
    if knows(gate, home).any() or knows(gate, new).mean() < LEAST_RECOGNISED:
        raise InputError("the cells look like those that the bundle was made with: it needs no adapting")


def second_head(head: Head, gate: Head, bundle: Bundle) -> SecondHead:
    """Return heads that were fitted to calibrated logits as the graph holds them."""
    temperature = bundle.calibration.temperature
    return SecondHead(
        weight=(temperature * head.weight).astype(np.float32),
        bias=(temperature * head.bias).astype(np.float32),
        prior=head.prior,
        gate_weight=(gate.weight[1:] - gate.weight[:1]).astype(np.float32),
        gate_bias=(gate.bias[1:] - gate.bias[:1]).astype(np.float32),
    )


def contents_of(
    bundle: Bundle, name: str, network: bytes, figures: Mapping[str, object], section: str
) -> Contents:
    """Return the contents of `bundle` with another network, what was measured, and a section of the card."""
    contents = bundle.contents
    record = {"from": contents.name, "sha256": bundle.sha256, **figures}
    return replace(
        contents,
        name=name,
        onnx=network,
        # The second head's errors are others, and its cells are strange no more.
        calibration=replace(contents.calibration, confusion=(), floors=(), novelty=None),
        provenance={**contents.provenance, "adapted": record},
        card={**contents.card, "adapted": record},
        card_text=contents.card_text.rstrip() + "\n\n" + section,
    )


def learn(
    new: Seen, home: Seen, said: Floats, examples: Sequence[Example], names: Sequence[str]
) -> tuple[Learned, Figures]:
    """Fit the second head and the gate to cells that were looked at, as `adapt` does.

    Parameters
    ----------
    new, home : Seen
        Labelled cells of the new system, and cells of the known ones.
    said : ndarray, shape (N, K)
        Log-probabilities that the bundle gave the cells of `new`.
    examples : sequence of Example
        Of `new`.
    names : sequence of str
        The K classes.
    """
    truth, counts = _labels(examples, names)
    penalty, held_out, recognised = _cross_validated(new, home, truth, _folds(examples))
    (head,), gate = _fit(new, home, truth, (penalty,))
    judged = np.isin(truth, np.flatnonzero(counts >= LEAST_CELLS))
    before, loss_before = _judged(said[judged], truth[judged], names)
    after, loss_after = _judged(held_out[judged], truth[judged], names)
    figures = Figures(
        cells={name: int(n) for name, n in zip(names, counts, strict=True)},
        before=before,
        after=after,
        loss_before=loss_before,
        loss_after=loss_after,
        recognised=recognised,
        penalty=penalty,
        prior=head.prior,
    )
    return Learned(head, gate), figures


def _labels(examples: Sequence[Example], names: Sequence[str]) -> tuple[Ints, Ints]:
    """Return the class of each cell and the cells of each class, or refuse what is too little."""
    place = {name: i for i, name in enumerate(names)}
    unknown = next((example.label for example in examples if example.label not in place), None)
    if unknown is not None:
        raise UnknownNameError("class", unknown, names)
    truth = np.array([place[example.label] for example in examples], np.int64)
    counts = np.bincount(truth, minlength=len(names))
    if (counts >= LEAST_CELLS).sum() < 2:
        told = ", ".join(f"{n} {name}" for name, n in zip(names, counts, strict=True) if n)
        raise InputError(
            f"adapting needs two classes with {LEAST_CELLS} labelled cells each, not {told or 'none'}: "
            "label some more"
        )
    return truth, counts


def _fit(new: Seen, home: Seen, truth: Ints, penalties: Sequence[float]) -> tuple[list[Head], Head]:
    """Fit one second head per penalty, and the gate."""
    views = max(1, min(VIEWS, MOST_ROWS // len(truth)))
    rows, logits = new.rows(views)
    heads = fit_heads(
        rows, logits, np.repeat(truth, views), _balanced(np.repeat(truth, views), views), penalties
    )
    return heads, fit_gate(new, home)


def fit_gate(new: Seen, home: Seen) -> Head:
    """Fit a head of the classes home and new to cells of either."""
    views = max(1, min(VIEWS, MOST_ROWS // len(new.features)))
    rows = [seen.rows(views)[0] for seen in (home, new)]
    both = np.concatenate(rows)
    side = np.repeat([0, 1], [len(one) for one in rows])
    (gate,) = fit_heads(both, _nothing(both), side, _balanced(side, views), (GATE_PENALTY,))
    return gate


def knows(gate: Head, seen: Seen) -> npt.NDArray[np.bool_]:
    """Whether the gate takes each cell for the new system's, shape (N,)."""
    features, _ = seen.as_is()
    return np.asarray(gate.logits(features, _nothing(features)).argmax(axis=1) == 1)


def _cross_validated(new: Seen, home: Seen, truth: Ints, fold: Ints) -> tuple[float, Floats, float]:
    """Return the best penalty, its logits of cells that were held out, and the share that the gate knows."""
    found = np.empty((len(PENALTIES), len(truth), new.logits.shape[-1]))
    is_new = np.empty(len(truth), np.bool_)
    for held_out in np.unique(fold):
        rest, part = fold != held_out, fold == held_out
        heads, gate = _fit(new.of(rest), home, truth[rest], PENALTIES)
        for i, head in enumerate(heads):
            learned = Learned(head, gate)
            found[i, part] = learned.logits(new.of(part))
        is_new[part] = knows(gate, new.of(part))
    losses = [_loss(logits, truth) for logits in found]
    best = int(np.argmin(losses))
    return PENALTIES[best], found[best], float(is_new.mean())


def _folds(examples: Sequence[Example]) -> Ints:
    """Give each cell a fold: every class dealt out evenly, what belongs together in one."""
    units = units_of(examples)
    label = {unit: example.label for unit, example in zip(units, examples, strict=True)}
    turn = {unit: i % FOLDS for i, unit in enumerate(sorted(label, key=lambda unit: (label[unit], unit)))}
    return np.array([turn[unit] for unit in units], np.int64)


def _balanced(truth: Ints, views: int) -> Floats:
    """Weigh rows so that each class counts the same, and all together as many as there are cells."""
    counts = np.bincount(truth)
    return np.asarray(len(truth) / views / np.count_nonzero(counts) / counts[truth], np.float64)


def _nothing(rows: npt.NDArray[np.floating]) -> Floats:
    """Logits of a first head that knows nothing of home and new."""
    return np.zeros((len(rows), 2))


def _loss(logits: npt.NDArray[np.floating], truth: Ints) -> float:
    shares = log_softmax(logits, axis=1)[np.arange(len(truth)), truth]
    return -float((shares * _balanced(truth, 1)).mean())


def _judged(logits: npt.NDArray[np.floating], truth: Ints, names: Sequence[str]) -> tuple[float, float]:
    return score(softmax(logits, axis=1), truth, names).balanced_accuracy, _loss(logits, truth)


def _card_section(origin: str, figures: Figures) -> str:
    told = ", ".join(f"{n} {name}" for name, n in figures.cells.items() if n)
    return (
        f"## Adapted\n\nFrom `{origin}`, with labelled cells of another imaging system: {told}. Balanced "
        f"accuracy on them, cross-validated: {figures.before:.3f} before, {figures.after:.3f} after. Other "
        "figures of this card are those before adapting; cells that the gate takes for those of the "
        "systems known before are answered as before.\n"
    )
