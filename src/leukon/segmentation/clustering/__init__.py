"""Fuzzy c-means, k-means, and EK-means, which starts k-means where fuzzy c-means ends.

Of any features, with weights: a colour that a thousand pixels share is one row of weight 1000. float32
features are computed with in float32, all others in float64.
"""

from leukon.segmentation.clustering.fuzzy import FuzzyClusters, fuzzy_cmeans, memberships
from leukon.segmentation.clustering.kmeans import Clusters, ek_means, k_means
from leukon.segmentation.clustering.rows import Labels, nearest

__all__ = [
    "Clusters",
    "FuzzyClusters",
    "Labels",
    "ek_means",
    "fuzzy_cmeans",
    "k_means",
    "memberships",
    "nearest",
]
