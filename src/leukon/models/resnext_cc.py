"""ResNeXt-CC (Luo et al. 2024): ResNeXt 32×4d, down-sampled by convolutions, with ECA and fused layers."""

from __future__ import annotations

import math

from torch import Tensor, nn

from leukon.errors import InputError, UnknownNameError
from leukon.models.network import Network, Published, take_channels
from leukon.models.resnext import DEPTHS, backbone, backbone_weights
from leukon.models.torchvision_backbone import stages

WIDTHS = (64, 256, 512, 1024, 2048)  # channels after conv1 … conv5


class Eca(nn.Module):
    """Efficient channel attention (Wang et al. 2020): a 1-D convolution over the channels' means.

    Examples
    --------
    >>> [Eca(width).conv.kernel_size[0] for width in WIDTHS]
    [3, 5, 5, 5, 7]
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        size = int(abs((math.log2(channels) + 1) / 2))
        size += size % 2 == 0
        self.conv = nn.Conv1d(1, 1, size, padding=size // 2, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        """Weigh the channels of (N, C, H, W)."""
        weight = self.conv(maps.mean(dim=(2, 3))[:, None]).sigmoid()
        weighed: Tensor = maps * weight[:, 0, :, None, None]
        return weighed


class Fusion(nn.Module):
    """Cross-layer deep-feature fusion: 1×1 convolutions on either branch, then their product.

    The work names neither norm nor activation in the branches; there are none.
    """

    def __init__(self, convs: int) -> None:
        super().__init__()
        width = WIDTHS[-1]
        self.early, self.late = (
            nn.Sequential(*(nn.Conv2d(width, width, 1) for _ in range(convs))) for _ in range(2)
        )

    def forward(self, early: Tensor, late: Tensor) -> Tensor:
        """Map two (N, 2048, H, W) to one."""
        product: Tensor = self.early(early) * self.late(late)
        return product


class ResNeXtCC(nn.Module):
    """ResNeXt-CC without its classifier; the parts are those of `resnext_cc`."""

    def __init__(self, *, depth: int, downsampling: str, eca: str, fusion: str, convs: int) -> None:
        super().__init__()
        plain = backbone(depth)
        self.conv1, self.bn1, self.relu = plain.conv1, plain.bn1, plain.relu
        self.layer1, self.layer2 = plain.layer1, plain.layer2
        self.layer3, self.layer4 = plain.layer3, plain.layer4
        strided = {"pool": 0, "stem": 1, "stages": 4}[downsampling]
        self.down = nn.ModuleList(_downsample(width) for width in WIDTHS[:strided])
        self.pool = nn.Identity() if strided else plain.maxpool
        if downsampling == "stages":
            for layer in (self.layer2, self.layer3, self.layer4):
                layer[0].conv2.stride = layer[0].downsample[0].stride = (1, 1)
        self.eca = nn.ModuleList(Eca(width) for width in WIDTHS[: max(1, strided)] if eca != "none")
        self.block_eca = nn.ModuleList(Eca(width) for width in WIDTHS[2:] if eca == "blocks")
        # Which block of the last stage is fused with its last, counted from the end.
        self.early = int(fusion[2]) - 4 if fusion != "none" else 0
        self.fusion = Fusion(convs) if self.early else None

    def forward(self, batch: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, 2048)."""
        x: Tensor = self.pool(self.relu(self.bn1(self.conv1(batch))))
        outputs: list[Tensor] = []
        for stage, layer in enumerate((self.layer1, self.layer2, self.layer3, self.layer4)):
            if stage < len(self.down):
                x = self.down[stage](x)
            if stage < len(self.eca):
                x = self.eca[stage](x)
            for i, block in enumerate(layer):
                x = block(x)
                if i == 0 and 0 < stage <= len(self.block_eca):
                    x = self.block_eca[stage - 1](x)
                outputs.append(x)
        if self.fusion is not None:
            x = self.fusion(outputs[self.early], x)
        return x.mean(dim=(2, 3))


def resnext_cc(
    classes: int,
    *,
    channels: int,
    depth: int = 50,
    downsampling: str = "stem",
    eca: str = "downsampling",
    fusion: str = "5_1+5_3",
    convs: int = 2,
) -> Network:
    """Build ResNeXt-CC; 39,806,405 parameters for two classes as it stands.

    Parameters
    ----------
    classes, channels : int
        Outputs and input planes.
    depth : int
        50 or 101.
    downsampling : str
        ``"pool"``: the plain network's max-pool. ``"stem"``: a 3×3 convolution of stride 2 with BatchNorm and
        ReLU in its place. ``"stages"``: one before each of the later stages too, whose first blocks then
        keep the size.
    eca : str
        ``"none"``; ``"downsampling"``: after every down-sampling layer; ``"blocks"``: after the stride-2
        first blocks of the later stages too. The parameter counts that can be derived from the work are
        those of ``"downsampling"``.
    fusion : str
        ``"none"``, ``"5_1+5_3"`` or ``"5_2+5_3"``: the layers whose outputs are multiplied.
    convs : int
        1×1 convolutions in either branch of the fusion: 1 or 2.

    Raises
    ------
    UnknownNameError, InputError
        If a part has no such form.
    """
    for name, value, known in (
        ("downsampling", downsampling, ("pool", "stem", "stages")),
        ("eca", eca, ("none", "downsampling", "blocks")),
        ("fusion", fusion, ("none", "5_1+5_3", "5_2+5_3")),
    ):
        if value not in known:
            raise UnknownNameError(f"{name} of resnext_cc", value, known)
    if depth not in DEPTHS or convs not in (1, 2):
        raise InputError(
            f"resnext_cc has no depth {depth} with {convs} convs: depth is 50 or 101, convs 1 or 2"
        )
    if eca == "blocks" and downsampling == "stages":
        raise InputError(
            "resnext_cc with downsampling 'stages' has no stride-2 blocks: use eca 'downsampling'"
        )
    body = ResNeXtCC(depth=depth, downsampling=downsampling, eca=eca, fusion=fusion, convs=convs)
    take_channels(body, channels)
    published = Published(
        added=("body.down.", "body.eca.", "body.block_eca.", "body.fusion."),
        hub=backbone_weights(depth),
    )
    features = WIDTHS[-1]
    return Network(
        body, nn.Linear(features, classes), features=features, layers=stages(body), published=published
    )


def _downsample(width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(width, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)
    )
