"""Look-up in the literal registries (``SPACES``, ``MODELS``, …)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from leukon.errors import UnknownNameError

T = TypeVar("T")


def look_up(kind: str, name: str, registry: Mapping[str, T]) -> T:
    """Return ``registry[name]``, or say which names exist.

    Raises
    ------
    UnknownNameError
        If `name` is not registered.

    Examples
    --------
    >>> look_up("fruit", "fig", {"fig": 1})
    1
    """
    try:
        return registry[name]
    except KeyError:
        raise UnknownNameError(kind, name, registry) from None
