"""The parts that our vision transformers share."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from leukon.errors import InputError


def fitting_side(image_size: int, patch: int) -> int:
    """Return the multiple of `patch` nearest to `image_size`, in px.

    Raises
    ------
    InputError
        If `image_size` is less than one.

    Examples
    --------
    >>> fitting_side(224, 16), fitting_side(200, 32), fitting_side(10, 32)
    (224, 192, 32)
    """
    if image_size < 1:
        raise InputError(f"image_size is {image_size}: give the side of the images in px")
    return max(1, round(image_size / patch)) * patch


def resized(batch: Tensor, side_px: int) -> Tensor:
    """Bring a batch (N, C, H, W) to `side_px` by `side_px`, bilinear, where it is not already."""
    if batch.shape[-2] == side_px and batch.shape[-1] == side_px:
        return batch
    return functional.interpolate(batch, size=(side_px, side_px), mode="bilinear", antialias=False)


class Attention(nn.Module):
    """Multi-head self-attention (Vaswani et al. 2017).

    Parameters
    ----------
    inputs : int
        Width of the tokens that come in.
    width : int
        Width of those that go out.
    heads : int
    is_remixed : bool
        Mix the heads' attention maps by a learned matrix and normalise them: DeepViT's re-attention.
    """

    def __init__(self, inputs: int, width: int, heads: int, *, is_remixed: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(inputs, 3 * width)
        self.out = nn.Linear(width, width)
        if is_remixed:
            self.mixing = nn.Parameter(torch.eye(heads) + 0.01 * torch.randn(heads, heads))
            self.mixed_norm = nn.BatchNorm2d(heads)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map (N, T, inputs) to (N, T, width)."""
        n, t, _ = tokens.shape
        q, k, v = self.qkv(tokens).reshape(n, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        if hasattr(self, "mixing"):
            attention = (q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5).softmax(dim=-1)
            mixed = (self.mixing.T @ attention.reshape(n, self.heads, t * t)).reshape(n, self.heads, t, t)
            x = self.mixed_norm(mixed) @ v
        else:
            x = functional.scaled_dot_product_attention(q, k, v)
        y: Tensor = self.out(x.transpose(1, 2).reshape(n, t, -1))
        return y


class Block(nn.Module):
    """A pre-norm transformer block: attention, then a perceptron with one GELU layer."""

    def __init__(self, width: int, heads: int, hidden: int, *, is_remixed: bool = False) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = Attention(width, width, heads, is_remixed=is_remixed)
        self.norm2 = nn.LayerNorm(width)
        self.perceptron = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))

    def forward(self, tokens: Tensor) -> Tensor:
        """Map (N, T, width) to the same shape."""
        tokens = tokens + self.attention(self.norm1(tokens))
        mixed: Tensor = tokens + self.perceptron(self.norm2(tokens))
        return mixed


def start_linears(module: nn.Module) -> None:
    """Start every linear layer as vision transformers do: truncated normal, 0.02; biases zero."""
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.trunc_normal_(part.weight, std=0.02)
            if part.bias is not None:
                nn.init.zeros_(part.bias)


def plane_waves(side: int, width: int) -> Tensor:
    """Return fixed 2-D sine and cosine positions, shape (side², width) (Beyer et al. 2022).

    A quarter of the width each holds sin x, cos x, sin y, cos y, at frequencies from 1 down to 1e-4.
    """
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    frequency = 10_000.0 ** (-torch.arange(width // 4) / (width // 4 - 1))
    angles = [axis.flatten()[:, None] * frequency for axis in (x, y)]
    return torch.cat([wave for a in angles for wave in (a.sin(), a.cos())], dim=1)
