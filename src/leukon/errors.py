"""The errors that Leukon raises on purpose.

::

    LeukonError                     everything below; the command line prints it as one line, exit code 2
    ├── InputError       ValueError   an image, folder or argument cannot be used
    ├── UnknownNameError KeyError     a name is not in its registry
    ├── ManifestError    ValueError   a manifest is malformed or unusable
    ├── BundleError      ValueError   a bundle is corrupt, incomplete or does not replay its sample
    └── MissingExtraError ImportError an optional dependency is not installed

A message says what was wrong, shows the value, and names the remedy.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class LeukonError(Exception):
    """Base of every error that Leukon raises on purpose."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class InputError(LeukonError, ValueError):
    """An image, a folder or an argument cannot be used."""


class UnknownNameError(LeukonError, KeyError):
    """A name is not in its registry; the nearest of those that are is suggested.

    Parameters
    ----------
    kind : str
        What the name should denote, such as ``"image space"``.
    name : str
        The name that was asked for.
    known : iterable of str
        The names that exist.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = get_close_matches(name, names, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        super().__init__(f"unknown {kind} {name!r}: choose one of {', '.join(names)}{hint}")


class ManifestError(LeukonError, ValueError):
    """A manifest is malformed, or does not hold what was asked of it."""


class BundleError(LeukonError, ValueError):
    """A bundle is corrupt, incomplete, or does not replay its sample."""


class MissingExtraError(LeukonError, ImportError):
    """An optional dependency is not installed.

    Parameters
    ----------
    what : str
        What needs it, such as ``"training"``.
    extra : str
        The extra of the ``leukon`` distribution that brings it.
    """

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs packages that are not installed: pip install 'leukon[{extra}]'")
