"""The error tree keeps its promises."""

from __future__ import annotations

import builtins
import re

import pytest

from leukon import errors
from leukon.registry import look_up


def test_the_tree_in_the_docstring_is_the_real_one() -> None:
    drawn = dict(re.findall(r"── (\w+)\s+(\w+) ", errors.__doc__ or ""))
    real = {c.__name__ for c in errors.LeukonError.__subclasses__()}
    assert set(drawn) == real
    for name, builtin in drawn.items():
        assert issubclass(getattr(errors, name), getattr(builtins, builtin))


def test_an_unknown_name_lists_the_known_ones_without_quotes_around_the_message() -> None:
    with pytest.raises(errors.UnknownNameError) as caught:
        look_up("image space", "lba", {"rgb": 1, "hsv": 2})
    assert str(caught.value) == "unknown image space 'lba': choose one of hsv, rgb"
