"""Fuzzy c-means, k-means and EK-means against scikit-fuzzy and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from skfuzzy.cluster import cmeans
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from leukon.errors import InputError, UnknownNameError
from leukon.segmentation import color_clusters
from leukon.segmentation.clustering import ek_means, fuzzy_cmeans, k_means, memberships
from leukon.segmentation.color_clusters import cluster_colors

RNG = np.random.default_rng(8)
PLACES = np.array([(0, 0, 0), (4, 1, 0), (1, 5, 2), (6, 6, 6)], float)
BLOBS = np.concatenate(
    [RNG.normal(place, 1.1, (n, 3)) for place, n in zip(PLACES, (900, 300, 500, 1300), strict=True)]
)
SMEAR = np.concatenate(
    [
        RNG.normal(colour, spread, (n, 3))
        for colour, spread, n in (
            ((228, 224, 220), 4, 2600),
            ((205, 140, 135), 9, 1500),
            ((190, 170, 212), 8, 400),
            ((95, 45, 130), 12, 300),
        )
    ]
)
SMEAR = RNG.permutation(SMEAR.clip(0, 255).astype(np.uint8)).reshape(60, 80, 3)


def by_sum(centres: np.ndarray) -> np.ndarray:
    return centres[centres.sum(axis=1).argsort()]


@pytest.mark.parametrize("exponent", [1.6, 2.0, 2.5])
def test_fuzzy_cmeans_equals_scikit_fuzzy(exponent: float) -> None:
    found = fuzzy_cmeans(BLOBS, 4, exponent=exponent, tolerance=1e-6)
    ends = [cmeans(BLOBS.T, 4, exponent, 1e-7, 1000, seed=seed) for seed in range(5)]
    centres, u, _, _, objective, *_ = min(ends, key=lambda end: end[4][-1])
    np.testing.assert_allclose(found.centres, by_sum(centres.copy()), atol=1e-4)
    expected = u[centres.sum(axis=1).argsort()].T
    np.testing.assert_allclose(found.memberships, expected, atol=1e-4)
    np.testing.assert_allclose(memberships(BLOBS, found.centres, exponent=exponent), expected, atol=1e-4)
    np.testing.assert_array_equal(found.labels, expected.argmax(axis=1))
    assert found.objective[-1] == pytest.approx(objective[-1], rel=1e-6)
    assert found.converged
    assert found.iterations == len(found.objective)


def test_ek_means_equals_scikit_fuzzy_and_then_scikit_learn() -> None:
    centres, *_ = cmeans(BLOBS.T, 4, 2, 1e-6, 1000, seed=0)
    expected = KMeans(4, init=centres, n_init=1, tol=0).fit(BLOBS)
    found = ek_means(BLOBS, 4)
    assert adjusted_rand_score(expected.labels_, found.labels) == 1
    np.testing.assert_allclose(found.centres, by_sum(expected.cluster_centers_), atol=1e-9)
    assert found.objective[-1] == pytest.approx(expected.inertia_)
    assert (np.diff(found.objective) <= 1e-9 * found.objective[0]).all()
    assert found.start is not None
    assert found.start.converged


def test_a_weight_is_as_many_rows() -> None:
    rows, counts = np.unique(RNG.integers(0, 12, (4000, 2)), axis=0, return_counts=True)
    many = np.repeat(rows, counts, axis=0)
    for cluster in (fuzzy_cmeans, ek_means):
        weighted, repeated = (
            cluster(rows, 3, weights=counts, tolerance=1e-8),
            cluster(many, 3, tolerance=1e-8),
        )
        np.testing.assert_allclose(weighted.centres, repeated.centres, atol=1e-5)
        assert weighted.objective[-1] == pytest.approx(repeated.objective[-1], rel=1e-6)
    nothing = np.append(rows, [[99, 99]], axis=0)
    kept = ek_means(nothing, 3, weights=np.append(counts, 0), tolerance=1e-8)
    np.testing.assert_allclose(kept.centres, weighted.centres, atol=1e-5)


def test_the_seed_decides_what_k_means_finds_but_not_ek_means() -> None:
    ends = {round(k_means(BLOBS, 4, seed=seed).objective[-1]) for seed in range(20)}
    assert len(ends) > 1
    first = ek_means(BLOBS, 4)
    for seed in range(1, 10):
        np.testing.assert_array_equal(ek_means(BLOBS, 4, seed=seed).labels, first.labels)
    np.testing.assert_array_equal(ek_means(BLOBS, 4).centres, first.centres)
    assert round(first.objective[-1]) == min(ends)


def test_scale_place_and_precision_change_nothing() -> None:
    plain = ek_means(BLOBS, 4)
    for moved in (BLOBS * 1e200, BLOBS * 1e-200, BLOBS + 1e7, BLOBS.astype(np.float32)):
        assert adjusted_rand_score(ek_means(moved, 4).labels, plain.labels) > 0.999


def test_an_emptied_cluster_finds_rows_again() -> None:
    # Only three of a thousand rows are distinct: random rows mostly coincide.
    rows = np.repeat([[0.0], [1.0], [5.0]], (998, 1, 1), axis=0)
    for seed in range(5):
        found = k_means(rows, 3, seed=seed)
        assert found.centres.ravel().tolist() == pytest.approx([0, 1, 5])
        assert found.objective[-1] == pytest.approx(0)
        assert found.converged


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": np.full((9, 2), np.nan)}, "not finite: drop the rows"),
        ({"features": np.zeros(9)}, "give rows of numbers"),
        ({"features": np.zeros((0, 2))}, "give rows of numbers"),
        ({"features": np.ones((9, 2))}, "2 clusters of 1 distinct rows: ask for fewer"),
        ({"clusters": 0}, "ask for at least 1"),
        ({"weights": -np.ones(9)}, "weights must be finite, 0 or more"),
        ({"weights": np.zeros(9)}, "not all 0"),
        ({"weights": np.ones(8)}, "one for each of the 9 rows"),
        ({"exponent": 1.0}, "above 1"),
        ({"most_iterations": 0}, "at least 1"),
    ],
)
def test_what_cannot_be_clustered_is_refused(change: dict[str, object], message: str) -> None:
    given = {"features": np.arange(18.0).reshape(9, 2), "clusters": 2} | change
    with pytest.raises(InputError, match=message):
        ek_means(**given)


def test_iterations_that_run_out_are_told() -> None:
    assert not fuzzy_cmeans(BLOBS, 4, tolerance=1e-9, most_iterations=2).converged
    assert not k_means(BLOBS, 4, most_iterations=1).converged


@pytest.mark.parametrize("clusters", [3, 4])
def test_clustering_colours_equals_clustering_pixels(clusters: int) -> None:
    pixels = SMEAR.reshape(-1, 3) / 255
    centres, *_ = cmeans(pixels.T, clusters, 2, 1e-6, 1000, seed=1)
    expected = KMeans(clusters, init=centres, n_init=1, tol=0).fit(pixels)
    found = cluster_colors(SMEAR, clusters)
    assert adjusted_rand_score(expected.labels_, found.labels.ravel()) > 0.999
    np.testing.assert_allclose(found.centres, by_sum(expected.cluster_centers_), atol=1e-3)
    np.testing.assert_array_equal(found.counts.sum(), 60 * 80)
    assert found.memberships().shape == (len(found.colors), clusters)
    wide = cluster_colors(SMEAR.astype(np.uint16) * 257, clusters)
    np.testing.assert_array_equal(wide.labels, found.labels)


def test_bins_of_a_large_image_have_exact_means_and_the_same_clusters(monkeypatch) -> None:
    exact = cluster_colors(SMEAR, 4)
    monkeypatch.setattr(color_clusters, "MOST_EXACT_PX", 0)
    binned = cluster_colors(SMEAR[:, ::-1], 4)
    assert len(binned.colors) < len(exact.colors)
    assert binned.counts.sum() == 60 * 80
    mean = binned.counts @ binned.colors.astype(float) / binned.counts.sum()
    np.testing.assert_allclose(mean, SMEAR.reshape(-1, 3).mean(axis=0) / 255, atol=1e-6)
    assert adjusted_rand_score(exact.labels.ravel(), binned.labels[:, ::-1].ravel()) > 0.99


def test_few_pixels_on_an_empty_background_are_found() -> None:
    image = np.full((600, 700, 3), 255, np.uint8)
    image[5:25, 5:25] = RNG.integers(150, 170, (20, 20, 3))
    image[40:50, 50:60] = RNG.integers(20, 40, (10, 10, 3))
    for method in color_clusters.METHODS:
        assert np.bincount(cluster_colors(image, 3, method=method).labels.ravel()).tolist() == [
            100,
            400,
            419500,
        ]


def test_one_colour_is_one_cluster_and_no_more() -> None:
    for shape in ((1, 1, 3), (40, 30, 3)):
        image = np.full(shape, 51, np.uint8)
        found = cluster_colors(image, 1)
        assert not found.labels.any()
        assert found.centres.tolist() == [pytest.approx([0.2] * 3)]
        with pytest.raises(InputError, match="3 clusters of 1 distinct rows"):
            cluster_colors(image, 3)
    with pytest.raises(UnknownNameError, match="did you mean 'ekmeans'"):
        cluster_colors(image, 1, method="ek-means")
