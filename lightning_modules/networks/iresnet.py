"""IResNet: the trunk of ArcFace and of most face recognisers since."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Literal

from torch import Tensor, nn

from lightning_modules.networks.trunk import Trunk
from lightning_modules.networks.vgg16 import he_initialise

UNITS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 14, 3), 100: (3, 13, 30, 3), 200: (6, 26, 60, 6)}
"""Depth → number of residual units in each of the four stages that halve the map."""
_CHANNELS = (64, 64, 128, 256, 512)

FirstShortcut = Literal["projection", "subsampling"]


class IResNetTrunk(Trunk):
    """A stem and four stages of residual units; the output is the last unit's sum.

    The stem keeps the image's size, every stage halves it: 112 × 112 images give ``(B, 512, 7, 7)``. Layers carry
    arcface_torch's names (``stages.1.layer1.0.conv1``). The units are the improved ones, see :class:`IResNetUnit`. It
    starts from He initialisation: from arcface_torch's N(0, 0.1²) an untrained network overflows in evaluation.

    Source: Deng et al. (2019), sections 3.1 and 3.2.2, https://arxiv.org/abs/1801.07698; the numbers of units are
    arcface_torch's.

    Args:
        depth: 18, 34, 50, 100 or 200: which of ``UNITS``.
        width: Factor on the 64-64-128-256-512 channels, above 0.
        in_channels: 3 for RGB, 1 for grey.
        first_shortcut: How the first unit, which halves the map and keeps the channels, passes on what it is given:
            ``"projection"``, a 1 × 1 convolution and batch normalisation, as arcface_torch does, or ``"subsampling"``,
            every second pixel, as the IR-Nets of AdaFace and CVLface do.

    Attributes:
        depth: As given.

    Raises:
        ValueError: If a setting is out of its range.

    Example:
        >>> import torch
        >>> trunk = IResNetTrunk(depth=18, width=0.125)
        >>> [tuple(f.shape[1:]) for f in trunk.features(torch.zeros(1, 3, 112, 112))]
        [(8, 112, 112), (8, 56, 56), (16, 28, 28), (32, 14, 14), (64, 7, 7)]
    """

    def __init__(
        self,
        depth: int = 50,
        width: float = 1.0,
        in_channels: int = 3,
        first_shortcut: FirstShortcut = "projection",
    ) -> None:
        if depth not in UNITS:
            raise ValueError(f"Expected `depth` of {', '.join(map(str, UNITS))}, got {depth}")
        if not width > 0:
            raise ValueError(f"Expected `width` above 0, got {width}")
        if first_shortcut not in ("projection", "subsampling"):
            raise ValueError(f'Expected `first_shortcut` "projection" or "subsampling", got {first_shortcut!r}')
        channels = [max(1, round(c * width)) for c in _CHANNELS]
        subsampling = first_shortcut == "subsampling"
        super().__init__(
            [_stem(in_channels, channels[0])]
            + [_stage(k, UNITS[depth][k - 1], channels[k - 1], channels[k], subsampling) for k in range(1, 5)]
        )
        self.depth = depth
        self.first_shortcut: FirstShortcut = first_shortcut
        self.apply(he_initialise)


class IResNetUnit(nn.Module):
    """BN-Conv-BN-PReLU-Conv-BN beside a shortcut, without an activation after their sum.

    Source: Deng et al. (2019), section 3.2.2, "the improved residual unit"; Han et al. (2017), Fig. 6d,
    https://arxiv.org/abs/1610.02915.

    Args:
        in_channels: Of the map that it is given.
        channels: Of its output.
        stride: Of the second convolution and the shortcut.
        subsampling: Whether a shortcut of stride 2 between equal numbers of channels has no weights.

    Example:
        >>> import torch
        >>> IResNetUnit(4, 8, stride=2)(torch.zeros(2, 4, 6, 6)).shape
        torch.Size([2, 8, 3, 3])
    """

    def __init__(self, in_channels: int, channels: int, stride: int = 1, subsampling: bool = False) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.prelu = nn.PReLU(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels)
        self.downsample = _shortcut(in_channels, channels, stride, subsampling)

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum ``(B, C', H', W')`` for ``(B, C, H, W)``."""
        residual = self.conv1(self.bn1(x))
        residual = self.bn3(self.conv2(self.prelu(self.bn2(residual))))
        total: Tensor = residual + self.downsample(x)
        return total


def _shortcut(in_channels: int, channels: int, stride: int, subsampling: bool) -> nn.Module:
    if stride == 1 and in_channels == channels:
        return nn.Identity()
    if subsampling and in_channels == channels:
        return nn.MaxPool2d(1, stride)
    return nn.Sequential(nn.Conv2d(in_channels, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))


def _stem(in_channels: int, channels: int) -> nn.Sequential:
    conv1 = nn.Conv2d(in_channels, channels, 3, padding=1, bias=False)
    return nn.Sequential(OrderedDict(conv1=conv1, bn1=nn.BatchNorm2d(channels), prelu=nn.PReLU(channels)))


def _stage(number: int, units: int, in_channels: int, channels: int, subsampling: bool) -> nn.Sequential:
    def layers() -> Iterator[IResNetUnit]:
        yield IResNetUnit(in_channels, channels, stride=2, subsampling=subsampling and number == 1)
        for _ in range(1, units):
            yield IResNetUnit(channels, channels)

    return nn.Sequential(OrderedDict({f"layer{number}": nn.Sequential(*layers())}))
