"""VGG16's convolutions, the paper's trunk."""

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from lightning_modules.networks.trunk import Trunk

_CHANNELS = (64, 128, 256, 512, 512)
CONVOLUTIONS = (2, 2, 3, 3, 3)
"""Number of convolutions in each stage of VGG16 (configuration D)."""


class VGG16Trunk(Trunk):
    """Thirteen 3×3 convolutions in five stages; the output is conv5_3 after its ReLU, before the last pool.

    Max-pooling opens stages 2 to 5 instead of closing 1 to 4, so that a stage's output is its last convolution's.
    224 × 224 images give ``(B, 512, 14, 14)``. Layers carry their usual names (``stages.4.conv5_3``) and start from
    He initialisation.

    Source: Simonyan and Zisserman (2015), configuration D, https://arxiv.org/abs/1409.1556.

    Args:
        width: Factor on the 64-128-256-512-512 channels, above 0.
        batch_norm: Batch normalisation between each convolution and its ReLU.
        in_channels: 3 for RGB, 1 for grey.
        convolutions: Number of convolutions in each stage; fewer than VGG16's train faster on few small images.

    Raises:
        ValueError: If ``width`` is not above 0, or ``convolutions`` are not five positive numbers.

    Example:
        >>> import torch
        >>> trunk = VGG16Trunk(width=0.125)
        >>> [tuple(f.shape[1:]) for f in trunk.features(torch.zeros(1, 3, 32, 32))]
        [(8, 32, 32), (16, 16, 16), (32, 8, 8), (64, 4, 4), (64, 2, 2)]
    """

    def __init__(
        self,
        width: float = 1.0,
        batch_norm: bool = False,
        in_channels: int = 3,
        convolutions: Sequence[int] = CONVOLUTIONS,
    ) -> None:
        if not width > 0:
            raise ValueError(f"Expected `width` above 0, got {width}")
        if len(convolutions) != 5 or min(convolutions) < 1:
            raise ValueError(f"Expected `convolutions` of five positive numbers, got {convolutions}")
        channels = [in_channels, *(max(1, round(c * width)) for c in _CHANNELS)]
        super().__init__(_stage(k, convolutions[k - 1], channels[k - 1], channels[k], batch_norm) for k in range(1, 6))
        self.apply(he_initialise)


def he_initialise(module: nn.Module) -> None:
    """Draw a convolution's or linear layer's weights after He et al. (2015), Eq. 10; set its bias to 0.

    Example:
        >>> layer = nn.Linear(200, 200)
        >>> he_initialise(layer)
        >>> round(layer.weight.std().item(), 2)  # sqrt(2 / 200)
        0.1
    """
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def _stage(number: int, convolutions: int, in_channels: int, out_channels: int, batch_norm: bool) -> nn.Sequential:
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    if number > 1:
        layers[f"pool{number - 1}"] = nn.MaxPool2d(2)
    for i in range(1, convolutions + 1):
        layers[f"conv{number}_{i}"] = nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1)
        if batch_norm:
            layers[f"bn{number}_{i}"] = nn.BatchNorm2d(out_channels)
        layers[f"relu{number}_{i}"] = nn.ReLU(inplace=True)
        in_channels = out_channels
    return nn.Sequential(layers)
