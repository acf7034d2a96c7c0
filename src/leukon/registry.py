"""Look-up in the literal registries (``SPACES``, ``MODELS``, …)."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
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


def options_of(function: Callable[..., object]) -> set[str]:
    """Return the keyword-only parameters of `function`: what an entry of a registry lets one set.

    Examples
    --------
    >>> def bake(flour, *, oven=200): ...
    >>> options_of(bake)
    {'oven'}
    """
    parameters = inspect.signature(function).parameters.values()
    return {p.name for p in parameters if p.kind is p.KEYWORD_ONLY}
