"""CrossViT (Chen et al. 2021), timm's: two transformers at two patch sizes that exchange class tokens."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from leukon.errors import UnknownNameError
from leukon.models.network import Network, Published
from leukon.models.timm_backbone import hub_weights
from leukon.models.transformer import fitting_side, start_linears

FINE_PX, COARSE_PX = 12, 16
COARSE_SCALE = 224 / 240  # the side of the coarser branch, as a share of the finer's


class CrossViT(nn.Module):
    """timm's network without its heads: the two class tokens, one after the other."""

    def __init__(self, variant: str, channels: int, image_size: int) -> None:
        import timm

        super().__init__()
        fine = fitting_side(image_size, FINE_PX)
        coarse = fitting_side(round(fine * COARSE_SCALE), COARSE_PX)
        # timm rounds the scaled side down; half a pixel more keeps it from losing one.
        scale = (1.0, (coarse + 0.5) / fine)
        self.transformer = timm.create_model(
            variant, img_size=fine, img_scale=scale, in_chans=channels, num_classes=0
        )

    def forward(self, batch: Tensor) -> Tensor:
        """Map (N, C, H, W), which either branch brings to its own side, to (N, D)."""
        tokens = self.transformer.forward_features(batch)
        return torch.cat([branch[:, 0] for branch in tokens], dim=1)


class BranchHeads(nn.Module):
    """One linear classifier per branch; the logits are their mean."""

    def __init__(self, widths: tuple[int, ...], classes: int) -> None:
        super().__init__()
        self.widths = widths
        self.branches = nn.ModuleList(nn.Linear(width, classes) for width in widths)
        start_linears(self)

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, D) to (N, classes)."""
        parts = torch.split(features, list(self.widths), dim=1)
        logits = [head(part) for head, part in zip(self.branches, parts, strict=True)]
        return torch.stack(logits).mean(dim=0)


def crossvit(
    classes: int, *, channels: int, variant: str = "crossvit_small_240", image_size: int = 240
) -> Network:
    """Build one of timm's CrossViTs for images of `image_size` px."""
    import timm

    known = timm.list_models("crossvit_*")
    if variant not in known:
        raise UnknownNameError("variant of crossvit", variant, known)
    body = CrossViT(variant, channels, image_size)
    widths = tuple(int(width) for width in body.transformer.embed_dim)
    # Of every block, the layers of the finer branch, whose patches are smaller.
    layers = {f"block_{i}": block.blocks[0] for i, block in enumerate(body.transformer.blocks, 1)}
    names = (("head.", "head.branches."), ("", "body.transformer."))
    return Network(
        body,
        BranchHeads(widths, classes),
        features=sum(widths),
        layers=layers,
        published=Published(names, hub=hub_weights(variant)),
    )
