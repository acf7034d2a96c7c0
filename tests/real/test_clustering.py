"""EK-means of real images: as pixel by pixel, whatever the seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from skfuzzy.cluster import cmeans
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from leukon.imaging.files import list_images, read_image
from leukon.segmentation.color_clusters import cluster_colors

SETS = "pbc/original", "bccd/images", "raabin_fields/images", "pig_wbc/images", "bcisc/images", "jtsc/images"


@pytest.mark.parametrize("folder", SETS)
def test_the_partition_is_that_of_the_pixels_and_of_no_seed(shared_data: Path, folder: str) -> None:
    image = read_image(list_images([shared_data / folder])[7])[:120, :120]
    pixels = image.reshape(-1, 3) / 255
    ends = (cmeans(pixels.T, 3, 2, 1e-4, 1000, seed=seed) for seed in range(2))
    centres = min(ends, key=lambda end: end[4][-1])[0]
    expected = KMeans(3, init=centres, n_init=1, tol=0, max_iter=1000).fit(pixels)
    for seed in range(5):
        labels = cluster_colors(image, 3, seed=seed).labels.ravel()
        assert adjusted_rand_score(expected.labels_, labels) > 0.99
        np.testing.assert_array_equal(labels, cluster_colors(image, 3).labels.ravel())
