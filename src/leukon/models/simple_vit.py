"""The plainer ViT-S/16 of Beyer et al. (2022): fixed positions, mean of the tokens, a linear head."""

from __future__ import annotations

from torch import Tensor, nn

from leukon.models.network import Network
from leukon.models.transformer import Block, fitting_side, plane_waves, resized, start_linears

PATCH, WIDTH, DEPTH, HEADS = 16, 384, 12, 6


class SimpleViT(nn.Module):
    """ViT-S/16 without its classifier."""

    positions: Tensor

    def __init__(self, channels: int, image_size: int) -> None:
        super().__init__()
        self.image_size = image_size
        self.patches = nn.Conv2d(channels, WIDTH, PATCH, PATCH)
        self.register_buffer("positions", plane_waves(image_size // PATCH, WIDTH), persistent=False)
        self.blocks = nn.Sequential(*(Block(WIDTH, HEADS, 4 * WIDTH) for _ in range(DEPTH)))
        self.norm = nn.LayerNorm(WIDTH)
        start_linears(self)

    def forward(self, batch: Tensor) -> Tensor:
        """Map (N, C, H, W) to the mean token, (N, 384)."""
        tokens = self.patches(resized(batch, self.image_size)).flatten(2).transpose(1, 2)
        features: Tensor = self.norm(self.blocks(tokens + self.positions)).mean(dim=1)
        return features


def simple_vit(classes: int, *, channels: int, image_size: int = 224) -> Network:
    """Build it; its positions are computed for `image_size`, nothing of them is learned."""
    body = SimpleViT(channels, fitting_side(image_size, PATCH))
    layers = {f"block_{i}": block for i, block in enumerate(body.blocks, 1)}
    return Network(body, nn.Linear(WIDTH, classes), features=WIDTH, layers=layers)
