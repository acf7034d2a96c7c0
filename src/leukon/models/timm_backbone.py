"""Any classifier of the timm library."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from leukon.errors import UnknownNameError
from leukon.models.network import Network, Published, Tensors


def timm_network(classes: int, *, channels: int, variant: str = "", image_size: int = 0) -> Network:
    """Build timm's network `variant`; `image_size` counts where the network is made for one size.

    Raises
    ------
    UnknownNameError
        If timm has no such network.
    """
    import timm

    if not timm.is_model(variant):
        raise UnknownNameError(
            "timm network", variant, timm.list_models(f"{variant[:6]}*")[:8] or ["resnet18"]
        )
    known = timm.get_pretrained_cfg(variant)
    settings = {"img_size": image_size} if image_size and known and known.fixed_input_size else {}
    body = timm.create_model(variant, num_classes=0, in_chans=channels, **settings)
    features = int(getattr(body, "head_hidden_size", body.num_features))
    classifier = body.pretrained_cfg.get("classifier") or "fc"
    published = Published(((f"{classifier}.", "head."), ("", "body.")), hub=hub_weights(variant, **settings))
    return Network(
        body, nn.Linear(features, classes), features=features, layers=_layers(body), published=published
    )


def hub_weights(variant: str, img_size: int | None = None) -> Callable[[], Tensors]:
    """Return what fetches timm's weights of its network `variant`."""

    def fetch() -> Tensors:
        import timm

        settings = {} if img_size is None else {"img_size": img_size}
        tensors: Tensors = timm.create_model(variant, pretrained=True, **settings).state_dict()
        return tensors

    return fetch


def _layers(body: nn.Module) -> dict[str, nn.Module]:
    """Name a transformer's blocks ``block_N``; of other networks, the stages by timm's own names."""
    blocks = dict(body.named_children()).get("blocks")
    if blocks is not None and hasattr(body, "patch_embed"):
        return {f"block_{i}": block for i, block in enumerate(blocks.children(), 1)}
    modules = dict(body.named_modules())
    names = (info["module"] for info in getattr(body, "feature_info", ()) or ())
    return {name: modules[name] for name in names if name in modules}
