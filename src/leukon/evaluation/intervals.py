"""Exact limits of a share."""

from __future__ import annotations

from scipy.special import betaincinv


def clopper_pearson(count: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Exact binomial limits of the share `count` / `n` (Clopper & Pearson, Biometrika 26, 1934).

    Parameters
    ----------
    count, n : float
        Successes and trials, ``0 <= count <= n``, ``n > 0``. The limits are quantiles of beta
        distributions, so they are defined, and smooth, between whole numbers too.
    level : float
        Confidence, 0…1.

    Returns
    -------
    low, high : float
        0…1.

    Examples
    --------
    Five cells of a hundred, as in Rümke's table:

    >>> low, high = clopper_pearson(5, 100)
    >>> f"{100 * low:.1f}–{100 * high:.1f} %"
    '1.6–11.3 %'
    """
    if not 0 <= count <= n or n <= 0:
        raise ValueError(f"{count} of {n} is not a share")
    tail = (1 - level) / 2
    low = float(betaincinv(count, n - count + 1, tail)) if count > 0 else 0.0
    high = float(betaincinv(count + 1, n - count, 1 - tail)) if count < n else 1.0
    return low, high
