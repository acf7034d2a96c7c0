"""Losses and their gradients against the papers' equations."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradcheck

from leukon.errors import InputError, UnknownNameError
from leukon.losses import LOSSES, build_loss

COUNTS = (60, 30, 10)
WIDTH = 5


def build(name: str, **options: object) -> nn.Module:
    return build_loss(name, options, class_counts=COUNTS, features=WIDTH).double()


@pytest.fixture
def batch() -> tuple[Tensor, Tensor, Tensor]:
    """Draw logits, labels and features of eight cells."""
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(8, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    features = torch.randn(8, WIDTH, generator=generator, dtype=torch.float64, requires_grad=True)
    return logits, torch.tensor([0, 1, 2, 0, 1, 0, 0, 0]), features


Batch = tuple[Tensor, Tensor, Tensor]


@pytest.mark.parametrize("name", [name for name in LOSSES if name != "centre"])
def test_least_where_the_answer_is_right(name: str) -> None:
    loss = build(name).eval()
    labels, features = torch.tensor([0, 1, 2]), torch.zeros(3, WIDTH).double()
    right = 8 * torch.eye(3).double()
    wrong = right[[1, 2, 0]]
    assert loss(right, labels, features) < loss(0 * right, labels, features) < loss(wrong, labels, features)


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_those_of_the_value(name: str, batch: Batch) -> None:
    logits, labels, features = batch
    loss = build(name).eval()  # in training mode the centres move between calls
    for buffer in loss.buffers():
        buffer += 0.1
    assert gradcheck(lambda x, f: loss(x, labels, f), (logits, features))


def test_smoothing_by_its_definition(batch: Batch) -> None:
    logits, labels, features = batch
    target = nn.functional.one_hot(labels, 3) * 0.9 + 0.1 / 3
    expected = -(target * logits.log_softmax(1)).sum(1).mean()
    torch.testing.assert_close(build("cross_entropy", smoothing=0.1)(logits, labels, features), expected)


def test_focal_by_its_definition(batch: Batch) -> None:
    logits, labels, features = batch
    p = logits.softmax(1)[torch.arange(8), labels]
    for gamma in (0.5, 2.0):
        expected = -((1 - p) ** gamma * p.log()).mean()
        torch.testing.assert_close(build("focal", gamma=gamma)(logits, labels, features), expected)
    entropy = nn.functional.cross_entropy(logits, labels)
    torch.testing.assert_close(build("focal", gamma=0.0)(logits, labels, features), entropy)
    # Lin et al. 2017, appendix B, in their binary case: dFL/dx = y (1 − p)^γ (γ p log p + p − 1)
    x = torch.tensor([[0.0, 0.7]], dtype=torch.float64, requires_grad=True)
    build("focal", gamma=2.0)(x, torch.tensor([1]), features[:1]).backward()
    p = torch.sigmoid(torch.tensor(0.7, dtype=torch.float64))
    torch.testing.assert_close(x.grad[0, 1], (1 - p) ** 2 * (2 * p * p.log() + p - 1))


def test_focal_stays_finite_where_all_is_certain() -> None:
    logits = torch.tensor([[200.0, -200.0]], requires_grad=True)
    for label in (0, 1):
        loss = build_loss("focal", {"gamma": 0.5}, class_counts=(1, 1), features=1)
        value = loss(logits, torch.tensor([label]), torch.zeros(1, 1))
        (gradient,) = torch.autograd.grad(value, logits)
        assert torch.isfinite(value)
        assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("assignment", ["cross", "own"])
def test_w_softmax_of_two_classes_is_the_papers(assignment: str) -> None:
    normal, tumour = 4037, 8491  # C-NMC 2019
    alpha1, alpha2 = normal / (normal + tumour), tumour / (normal + tumour)
    logits = torch.randn(6, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    logits.requires_grad_()
    y = torch.tensor([1, 0, 1, 1, 0, 1])
    p = torch.sigmoid(logits[:, 1] - logits[:, 0])  # of tumour
    of_tumour, of_normal = (alpha1, alpha2) if assignment == "cross" else (alpha2, alpha1)
    expected = -(of_tumour * y * p.log() + of_normal * (1 - y) * (1 - p).log()).mean()
    loss = build_loss(
        "w_softmax", {"assignment": assignment}, class_counts=(normal, tumour), features=1
    ).double()
    found = loss(logits, y, torch.zeros(6, 1))
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=0)
    # By hand: dL/dz_k = w_y (p_k − [k = y]) / m
    (gradient,) = torch.autograd.grad(found, logits)
    weight = torch.where(y == 1, of_tumour, of_normal)[:, None]
    by_hand = weight * (logits.softmax(1) - nn.functional.one_hot(y, 2)) / 6
    torch.testing.assert_close(gradient, by_hand, rtol=1e-6, atol=1e-12)


def test_w_softmax_of_more_classes() -> None:
    cross, own = build("w_softmax").weights, build("w_softmax", assignment="own").weights
    torch.testing.assert_close(own, 1.5 * torch.tensor([0.6, 0.3, 0.1]).double(), rtol=1e-6, atol=0)
    torch.testing.assert_close(cross, 1.5 * torch.tensor([0.2, 0.35, 0.45]).double(), rtol=1e-6, atol=0)


def test_centre_loss_and_its_gradient(batch: Batch) -> None:
    _, labels, features = batch
    loss = build("centre")
    loss.centres += torch.randn(3, WIDTH, generator=torch.Generator().manual_seed(2)).double()
    centres = loss.centres.clone()
    value = loss(batch[0], labels, features)
    away = features - centres[labels]
    torch.testing.assert_close(value, 0.5 * (away**2).sum() / 8)
    (gradient,) = torch.autograd.grad(value, features)
    torch.testing.assert_close(gradient, (away / 8).detach())  # dL/dx_i = x_i − c_{y_i}, mean over the batch
    assert not list(loss.parameters())


def test_centres_move_as_the_paper_says(batch: Batch) -> None:
    logits, labels, features = batch
    loss = build("centre", alpha=0.5)
    expected = torch.zeros(3, WIDTH).double()
    for _ in range(3):
        for j in range(3):
            total, count = torch.zeros(WIDTH).double(), 0
            for i in range(8):
                if labels[i] == j:
                    total += expected[j] - features[i].detach()
                    count += 1
            expected[j] = expected[j] - 0.5 * total / (1 + count)
        loss(logits, labels, features)
    torch.testing.assert_close(loss.centres, expected)
    loss.eval()(logits, labels, features)
    torch.testing.assert_close(loss.centres, expected)  # at rest outside of training


def test_the_sum_is_the_papers(batch: Batch) -> None:
    loss = build("weighted_sum").eval()
    expected = build("w_softmax")(*batch) + 0.05 * build("centre").eval()(*batch)
    torch.testing.assert_close(loss(*batch), expected)
    parts = [["cross_entropy", 0.5, {"smoothing": 0.1}], ["focal", 2]]
    expected = 0.5 * build("cross_entropy", smoothing=0.1)(*batch) + 2 * build("focal")(*batch)
    torch.testing.assert_close(build("weighted_sum", parts=parts)(*batch), expected)
    # The centres are part of the state, so that a resumed run has them.
    assert set(loss.state_dict()) == {"parts.0.weights", "parts.1.centres"}


def test_names_and_values_that_do_not_exist() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown loss 'center': .* did you mean 'centre'"):
        build("center")
    with pytest.raises(UnknownNameError, match=r"option of loss focal 'gama': .* did you mean 'gamma'"):
        build("focal", gama=1)
    with pytest.raises(UnknownNameError, match=r"option of loss weighted_sum 'part'"):
        build("weighted_sum", part=[])
    with pytest.raises(UnknownNameError, match="unknown assignment of w_softmax 'crossed'"):
        build("w_softmax", assignment="crossed")
    for name, options in (
        ("cross_entropy", {"smoothing": 2}), ("focal", {"gamma": -1}), ("centre", {"alpha": 2}),
        ("weighted_sum", {"parts": []}), ("weighted_sum", {"parts": [["focal"]]}),
    ):  # fmt: skip
        with pytest.raises(InputError):
            build(name, **options)
    with pytest.raises(InputError, match="w_softmax needs two classes"):
        build_loss("w_softmax", {}, class_counts=(5,), features=1)
