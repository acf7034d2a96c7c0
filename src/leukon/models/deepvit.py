"""DeepViT (Zhou et al. 2021): re-attention keeps the attention maps of deep layers different."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from leukon.models.network import Network
from leukon.models.transformer import Block, fitting_side, resized, start_linears

PATCH, WIDTH, DEPTH, HEADS = 16, 396, 16, 12  # DeepViT-S
HIDDEN = 3 * WIDTH


class DeepViT(nn.Module):
    """DeepViT-S without its classifier."""

    def __init__(self, channels: int, image_size: int) -> None:
        super().__init__()
        self.image_size = image_size
        self.patches = nn.Conv2d(channels, WIDTH, PATCH, PATCH)
        self.class_token = nn.Parameter(torch.zeros(1, 1, WIDTH))
        self.pos_embedding = nn.Parameter(torch.zeros(1, 1 + (image_size // PATCH) ** 2, WIDTH))
        self.blocks = nn.Sequential(*(Block(WIDTH, HEADS, HIDDEN, is_remixed=True) for _ in range(DEPTH)))
        self.norm = nn.LayerNorm(WIDTH)
        start_linears(self)
        nn.init.trunc_normal_(self.class_token, std=0.02)
        nn.init.trunc_normal_(self.pos_embedding, std=0.02)

    def forward(self, batch: Tensor) -> Tensor:
        """Map (N, C, H, W) to the class token, (N, 396)."""
        tokens = self.patches(resized(batch, self.image_size)).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.class_token.expand(tokens.shape[0], -1, -1), tokens], dim=1)
        features: Tensor = self.norm(self.blocks(tokens + self.pos_embedding))[:, 0]
        return features


def deepvit(classes: int, *, channels: int, image_size: int = 224) -> Network:
    """Build DeepViT-S: width, depth and heads as in the work, the plain patches a reconstruction."""
    body = DeepViT(channels, fitting_side(image_size, PATCH))
    layers = {f"block_{i}": block for i, block in enumerate(body.blocks, 1)}
    return Network(body, nn.Linear(WIDTH, classes), features=WIDTH, layers=layers)
