"""Changes of whole batches: each does what it says, alone, and the same again from the same seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from leukon.errors import InputError
from leukon.imaging.checkerboard import kept_pixels
from leukon.imaging.spaces.hsv import Hsv
from leukon.imaging.spaces.lab import Lab
from leukon.pipeline import Pipeline, Scale
from leukon.training.batch_augment import BatchAugmentation

PIPELINE = Pipeline()
SIDE = 48


def scaled(light: np.ndarray) -> torch.Tensor:
    """Put shares of light, shape (N, 3, H, W), on the pipeline's scale."""
    mean, std = (np.reshape(v, (3, 1, 1)) for v in (PIPELINE.scale.mean, PIPELINE.scale.std))
    return torch.from_numpy(((light - mean) / std).astype(np.float32))


def light_of(batch: torch.Tensor) -> np.ndarray:
    mean, std = (np.reshape(v, (3, 1, 1)) for v in (PIPELINE.scale.mean, PIPELINE.scale.std))
    return batch.numpy() * std + mean


@pytest.fixture
def batch() -> torch.Tensor:
    """A dark disc, off the centre, on a bright ground."""
    y, x = np.mgrid[:SIDE, :SIDE]
    disc = np.hypot(x - 20, y - 26) < 9
    image = np.where(disc, np.reshape((0.4, 0.2, 0.5), (3, 1, 1)), np.reshape((0.9, 0.85, 0.8), (3, 1, 1)))
    return scaled(np.repeat(image[None], 12, axis=0))


def changed(batch: torch.Tensor, change: BatchAugmentation, seed: int = 0) -> torch.Tensor:
    return change(batch, PIPELINE, torch.Generator().manual_seed(seed))


def test_nothing_is_changed_by_default(batch: torch.Tensor) -> None:
    assert changed(batch, BatchAugmentation()) is batch
    labels = torch.arange(12)
    mixed, targets = BatchAugmentation().mix(batch, labels, torch.Generator())
    assert mixed is batch
    assert targets == [(labels, 1.0)]


@pytest.mark.parametrize(
    "change",
    [
        BatchAugmentation(flip=0.5),
        BatchAugmentation(rotate_deg=180, zoom=0.2, shift=0.1),
        BatchAugmentation(stain=0.3, cast=0.1, shading=0.3),
        BatchAugmentation(blur_px=2, noise=0.05),
        BatchAugmentation(cutout=1, checkerboard=0.5),
    ],
)
def test_a_seed_repeats_and_cells_differ(batch: torch.Tensor, change: BatchAugmentation) -> None:
    first = changed(batch, change)
    torch.testing.assert_close(first, changed(batch, change), rtol=0, atol=0)
    assert not torch.equal(first, changed(batch, change, seed=1))
    assert first.shape == batch.shape
    assert first.isfinite().all()
    assert len({one.numpy().tobytes() for one in first}) > 1


def test_flips_alone_move_no_value(batch: torch.Tensor) -> None:
    flipped = changed(batch, BatchAugmentation(flip=0.5))
    mirrored = [torch.equal(one, batch[0].flip(2)) for one in flipped]
    assert 0 < sum(mirrored) < 12
    assert all(now or torch.equal(one, batch[0]) for one, now in zip(flipped, mirrored, strict=True))


def test_geometry_moves_the_disc_as_far_as_it_is_told(batch: torch.Tensor) -> None:
    def centres(images: torch.Tensor) -> np.ndarray:
        dark = light_of(images)[:, 1] < 0.5
        return np.array([[axis.mean() + 0.5 - SIDE / 2 for axis in np.nonzero(one)] for one in dark])

    radius = np.hypot(*centres(batch)[0])
    turned = centres(changed(batch, BatchAugmentation(rotate_deg=180)))
    np.testing.assert_allclose(np.hypot(*turned.T), radius, atol=0.3)
    assert np.ptp(np.arctan2(*turned.T)) > 2
    shifted = centres(changed(batch, BatchAugmentation(shift=0.1))) - centres(batch)[0]
    assert 2 < np.abs(shifted).max() <= 0.1 * SIDE + 0.3
    zoomed = changed(batch, BatchAugmentation(zoom=0.2))
    areas = (light_of(zoomed)[:, 1] < 0.5).sum(axis=(1, 2)) / (np.pi * 81)
    assert np.exp(-0.4) * 0.9 < areas.min() < 0.95
    assert 1.05 < areas.max() < np.exp(0.4) * 1.1


def test_a_stain_changes_the_cell_and_not_the_background(batch: torch.Tensor) -> None:
    light = light_of(changed(batch, BatchAugmentation(stain=0.3)))
    np.testing.assert_allclose(light[:, :, 2, 2], light_of(batch)[:, :, 2, 2], atol=1e-5)
    assert np.ptp(light[:, 0, 26, 20]) > 0.1
    # Beer–Lambert: the log of transmission is scaled.
    before, after = (np.log(v[:, :, 26, 20] / v[:, :, 2, 2]) for v in (light_of(batch), light))
    assert np.std(np.log(after / before)) == pytest.approx(0.3, rel=0.4)


def test_shading_darkens_one_side(batch: torch.Tensor) -> None:
    flat = scaled(np.full((12, 3, SIDE, SIDE), 0.8))
    light = light_of(changed(flat, BatchAugmentation(shading=0.4)))
    assert light.max() <= 0.8 + 1e-5
    assert 0.8 * 0.55 < light.min() < 0.75


def test_blur_and_noise_stay_within_their_limits(batch: torch.Tensor) -> None:
    blurred = changed(batch, BatchAugmentation(blur_px=2))
    torch.testing.assert_close(blurred.mean(dim=(2, 3)), batch.mean(dim=(2, 3)), rtol=0, atol=0.02)
    edges = (blurred[:, :, :, 1:] - blurred[:, :, :, :-1]).abs().amax(dim=(1, 2, 3))
    sharp = (batch[0, :, :, 1:] - batch[0, :, :, :-1]).abs().max()
    assert (edges < 1.001 * sharp).all()
    assert edges.min() < 0.4 * sharp
    grain = light_of(changed(batch, BatchAugmentation(noise=0.05))) - light_of(batch)
    levels = grain.std(axis=(1, 2, 3))
    assert 0.03 < levels.max() < 0.052
    assert levels.min() < 0.02


def test_cutout_takes_one_square(batch: torch.Tensor) -> None:
    lost = (changed(batch + 7, BatchAugmentation(cutout=1, cutout_side=0.25)) == 0).all(dim=1)
    for one in lost:
        rows, columns = one.any(dim=1).sum(), one.any(dim=0).sum()
        assert one.sum() == rows * columns
        assert 0 < max(rows, columns) <= SIDE // 4
    assert not (changed(batch + 7, BatchAugmentation(cutout=0.5)) == 0).flatten(1).any(dim=1).all()


@pytest.mark.parametrize("mode", ["complementary", "literal"])
def test_checkerboards_are_black_where_the_paper_has_them_black(batch: torch.Tensor, mode: str) -> None:
    pictures = changed(batch, BatchAugmentation(checkerboard=1, checkerboard_mode=mode))
    found = set()
    for picture, original in zip(light_of(pictures), light_of(batch), strict=True):
        for name, kept in zip("ab", kept_pixels(SIDE, SIDE, mode), strict=True):
            if np.allclose(picture, np.where(kept, original, 0), atol=1e-6):
                found.add(name)
                break
        else:
            pytest.fail("neither picture")
    assert found == {"a", "b"}


def test_mixup_and_cutmix_share_pixels_as_they_share_labels() -> None:
    labels = torch.arange(8)
    batch = labels[:, None, None, None].float().expand(8, 3, SIDE, SIDE)
    kinds = set()
    for seed in range(12):
        generator = torch.Generator().manual_seed(seed)
        mixed, [(own, share), (other, rest)] = BatchAugmentation(mixup=1, cutmix=1).mix(
            batch, labels, generator
        )
        assert share + rest == pytest.approx(1)
        assert sorted(other.tolist()) == own.tolist() == labels.tolist()
        expected = share * own + rest * other
        torch.testing.assert_close(mixed.mean(dim=(1, 2, 3)), expected, rtol=0, atol=1e-4)
        kinds.add("pasted" if all(v == int(v) for v in mixed.unique().tolist()) else "blended")
    assert kinds == {"pasted", "blended"}


def test_what_has_no_meaning_is_refused() -> None:
    hsv = Pipeline(space=Hsv(), scale=Scale((0.5,) * 3, (0.5,) * 3))
    BatchAugmentation(flip=0.5, cutout=0.5, checkerboard=0.5, cutmix=1).check(hsv)
    BatchAugmentation(rotate_deg=90, mixup=0.2, noise=0.1).check(replace(hsv, space=Lab()))
    for change, pipeline, message in (
        (BatchAugmentation(rotate_deg=90), hsv, "batch.rotate_deg has no meaning in the space hsv"),
        (BatchAugmentation(mixup=0.2), hsv, "batch.mixup"),
        (
            BatchAugmentation(stain=0.2),
            replace(hsv, space=Lab()),
            "batch.stain has no meaning in the space lab",
        ),
        (
            BatchAugmentation(checkerboard=0.5),
            replace(PIPELINE, frame=replace(PIPELINE.frame, silhouette=True)),
            "batch.checkerboard has no meaning for a silhouette",
        ),
        (BatchAugmentation(flip=1.5), PIPELINE, "batch.flip is 1.5: give 0…1"),
        (BatchAugmentation(noise=-1), PIPELINE, "batch.noise is -1: give 0 or more"),
        (BatchAugmentation(mixup=float("nan")), PIPELINE, "batch.mixup is nan"),
    ):
        with pytest.raises(InputError, match=message):
            change.check(pipeline)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_gpu_changes_a_batch_as_the_processor_does(batch: torch.Tensor) -> None:
    change = BatchAugmentation(
        flip=0.5,
        rotate_deg=180,
        zoom=0.2,
        shift=0.1,
        stain=0.3,
        cast=0.1,
        shading=0.2,
        blur_px=1.5,
        cutout=0.5,
    )
    torch.testing.assert_close(changed(batch.cuda(), change).cpu(), changed(batch, change), rtol=0, atol=1e-3)
