"""Shares of classes whose limits hold the classifier's error too."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

CHAINS = 500
"""Confusion matrices that are drawn, each with a chain of its own."""

WARM_UP, KEPT = 30, 10
"""Steps of each chain that are left out, and those that are kept."""

PRIOR = 0.5
"""Pseudo-cells of each class in a smear (Jeffreys)."""


def corrected_shares(
    named: npt.ArrayLike, confusion: npt.ArrayLike, of: npt.ArrayLike, *, level: float = 0.95, seed: int = 0
) -> Floats:
    """Estimate the true shares of classes from what a classifier of measured errors called the cells.

    The confusion matrix is drawn from what the validation cells leave possible, and the true classes behind
    the names by Gibbs sampling, whatever the smear's composition (the Bayesian form of Rogan & Gladen, Am J
    Epidemiol 107, 1978; the composition as in Saerens et al., Neural Computation 14, 2002). Cells without a
    name are made up for at the rates seen in validation. Limits are Clopper and Pearson's, their beta
    distributions averaged over the draws: without classifier error they are theirs. All rests on validation
    cells like the smear's; of errors on another imaging system they know nothing.

    Parameters
    ----------
    named : array-like of int, shape (K,)
        Cells of the smear by the name that they were given.
    confusion : array-like of int, shape (K, K + 1)
        Validation cells by true class (rows) and name; the last column holds those without one.
    of : array-like of bool, shape (K,)
        Classes whose shares, of these classes together, are asked for.
    level : float
        Confidence, 0…1.
    seed : int
        Of the draws.

    Returns
    -------
    ndarray, shape (M, 3)
        Estimate and limits, 0…1, of each class in `of`.

    Raises
    ------
    ValueError
        If no cell is called one of them.

    Examples
    --------
    A third of the true ``a`` are called ``b``; 40 and 60 cells were called so:

    >>> shares = corrected_shares([40, 60], [[200, 100, 0], [0, 300, 0]], [True, True])
    >>> shares[0].round(2).tolist()
    [0.61, 0.45, 0.77]
    """
    counts, asked = np.asarray(named), np.asarray(of, bool)
    if not counts[asked].any():
        raise ValueError("no cell has the name of a class whose share is asked for")
    rng = np.random.default_rng(seed)
    # One pseudo-cell a row in all: more would blur a good classifier.
    seen = np.asarray(confusion) + 1 / (len(counts) + 1)
    rates = _dirichlet(rng, np.broadcast_to(seen, (CHAINS, *seen.shape)))
    by_name, is_named = rates[..., :-1].transpose(0, 2, 1), 1 - rates[..., -1]
    shares = np.full((CHAINS, len(counts)), 1 / len(counts))
    samples = []
    for step in range(WARM_UP + KEPT):
        origin = shares[:, None] * by_name
        true = rng.multinomial(counts, origin / origin.sum(axis=2, keepdims=True)).sum(axis=1)
        shares = _dirichlet(rng, true + PRIOR)
        if step >= WARM_UP:
            weights = true[:, asked] / is_named[:, asked]
            total = weights.sum(axis=1, keepdims=True).clip(min=1e-9)
            samples.append(weights / total * true[:, asked].sum(axis=1, keepdims=True))
    cells = np.concatenate(samples)
    others = cells.sum(axis=1, keepdims=True) - cells
    low = np.where(cells > 0, rng.beta(cells.clip(min=1e-9), others + 1), 0)
    high = np.where(others > 0, rng.beta(cells + 1, others.clip(min=1e-9)), 1)
    tail = (1 - level) / 2
    estimate = (cells / (cells + others).clip(min=1)).mean(axis=0)
    return np.stack([estimate, np.quantile(low, tail, axis=0), np.quantile(high, 1 - tail, axis=0)], axis=1)


def _dirichlet(rng: np.random.Generator, weights: Floats) -> Floats:
    """Draw along the last axis; every weight is above 0."""
    draws = rng.standard_gamma(weights)
    # A tiny weight may draw an exact zero, which would bar a class for good.
    draws = draws.clip(min=np.finfo(np.float64).tiny)
    shares: Floats = draws / draws.sum(axis=-1, keepdims=True)
    return shares
