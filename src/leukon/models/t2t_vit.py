"""T2T-ViT (Yuan et al. 2021): overlapping patches are gathered into tokens in three steps."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from leukon.models.network import Network
from leukon.models.transformer import Attention, Block, fitting_side, resized, start_linears

REDUCTION, WIDTH, DEPTH, HEADS = 16, 384, 14, 6  # T2T-ViT_t-14
HIDDEN = 3 * WIDTH
NARROW = 64  # width of the tokens while they are gathered


class Gathering(nn.Module):
    """A narrow transformer layer between two soft splits: one head, a perceptron of its own width."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(inputs)
        self.attention = Attention(inputs, NARROW, 1)
        self.norm2 = nn.LayerNorm(NARROW)
        self.perceptron = nn.Sequential(nn.Linear(NARROW, NARROW), nn.GELU(), nn.Linear(NARROW, NARROW))

    def forward(self, tokens: Tensor) -> Tensor:
        """Map (N, T, inputs) to (N, T, 64); the shortcut around attention starts at its narrow side."""
        tokens = self.attention(self.norm1(tokens))
        mixed: Tensor = tokens + self.perceptron(self.norm2(tokens))
        return mixed


class T2TViT(nn.Module):
    """T2T-ViT_t-14 without its classifier."""

    positions: Tensor

    def __init__(self, channels: int, image_size: int) -> None:
        super().__init__()
        self.image_size = image_size
        self.gather1 = Gathering(channels * 7 * 7)
        self.gather2 = Gathering(NARROW * 3 * 3)
        self.project = nn.Linear(NARROW * 3 * 3, WIDTH)
        self.class_token = nn.Parameter(torch.zeros(1, 1, WIDTH))
        count = 1 + (image_size // REDUCTION) ** 2
        self.register_buffer("positions", waves(count, WIDTH), persistent=False)
        self.blocks = nn.Sequential(*(Block(WIDTH, HEADS, HIDDEN) for _ in range(DEPTH)))
        self.norm = nn.LayerNorm(WIDTH)
        start_linears(self)
        nn.init.trunc_normal_(self.class_token, std=0.02)

    def forward(self, batch: Tensor) -> Tensor:
        """Map (N, C, H, W) to the class token, (N, 384)."""
        batch = resized(batch, self.image_size)
        side = self.image_size // 4
        tokens = self.gather1(_split(batch, kernel=7, stride=4, padding=2))
        tokens = self.gather2(_split(_as_image(tokens, side), kernel=3, stride=2, padding=1))
        tokens = self.project(_split(_as_image(tokens, side // 2), kernel=3, stride=2, padding=1))
        tokens = torch.cat([self.class_token.expand(tokens.shape[0], -1, -1), tokens], dim=1)
        features: Tensor = self.norm(self.blocks(tokens + self.positions))[:, 0]
        return features


def waves(count: int, width: int) -> Tensor:
    """Return fixed sine and cosine positions, shape (count, width) (Vaswani et al. 2017)."""
    angles = torch.arange(count)[:, None] * torch.exp(
        torch.arange(0, width, 2) * (-math.log(10_000.0) / width)
    )
    return torch.stack([angles.sin(), angles.cos()], dim=2).reshape(count, width)


def _split(maps: Tensor, *, kernel: int, stride: int, padding: int) -> Tensor:
    """Cut overlapping patches: (N, C, H, W) to (N, H·W/stride², C·kernel²)."""
    return functional.unfold(maps, kernel, stride=stride, padding=padding).transpose(1, 2)


def _as_image(tokens: Tensor, side: int) -> Tensor:
    return tokens.transpose(1, 2).reshape(tokens.shape[0], -1, side, side)


def t2t_vit(classes: int, *, channels: int, image_size: int = 224) -> Network:
    """Build T2T-ViT_t-14: 21.5 million parameters for 1,000 classes."""
    body = T2TViT(channels, fitting_side(image_size, REDUCTION))
    layers = {f"block_{i}": block for i, block in enumerate(body.blocks, 1)}
    return Network(body, nn.Linear(WIDTH, classes), features=WIDTH, layers=layers)
