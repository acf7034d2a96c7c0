"""Networks. Adding one is one file and one line in `MODELS`."""

from __future__ import annotations

from leukon.models.network import Network
from leukon.models.spec import MODELS, ModelSpec, parse_spec

__all__ = ["MODELS", "ModelSpec", "Network", "parse_spec"]
