"""CASIA-Net: ten convolutions whose mean is the face representation (model A of the occlusion-map paper)."""

from collections import OrderedDict

from torch import Tensor, nn

from lightning_modules.networks.dropout import dropout_layer
from lightning_modules.networks.head import AveragePoolHead
from lightning_modules.networks.trunk import Trunk
from lightning_modules.networks.vgg16 import he_initialise

_CHANNELS = ((32, 64), (64, 128), (96, 192), (128, 256), (160, 320))


class CasiaNetTrunk(Trunk):
    """Ten 3×3 convolutions in five stages; the output is conv5_2 without a ReLU, whose mean is the representation.

    Max-pooling opens stages 2 to 5 and rounds up: 100 × 100 images give ``(B, 320, 7, 7)``. Layers carry their usual
    names (``stages.4.conv5_2``) and start from He initialisation. There is no batch normalisation: a high rate too
    soon leaves training at chance, so warm up.

    Source: Yi et al. (2014), Table 2, https://arxiv.org/abs/1411.7923.

    Args:
        width: Factor on the channels, above 0.
        in_channels: 1 for grey, 3 for RGB.

    Attributes:
        out_channels: C, 320 at full width.

    Raises:
        ValueError: If ``width`` is not above 0.

    Example:
        >>> import torch
        >>> trunk = CasiaNetTrunk(width=0.125)
        >>> [tuple(f.shape[1:]) for f in trunk.features(torch.zeros(1, 1, 50, 50))]
        [(8, 50, 50), (16, 25, 25), (24, 13, 13), (32, 7, 7), (40, 4, 4)]
    """

    def __init__(self, width: float = 1.0, in_channels: int = 1) -> None:
        if not width > 0:
            raise ValueError(f"Expected `width` above 0, got {width}")
        stages = []
        for number, channels in enumerate(_CHANNELS, start=1):
            first, second = (max(1, round(c * width)) for c in channels)
            stages.append(_stage(number, in_channels, first, second))
            in_channels = second
        super().__init__(stages)
        self.out_channels = in_channels
        self.apply(he_initialise)


class CasiaNet(nn.Module):
    """Trunk, average, dropout and classifier in one: class scores of grey faces of any size.

    ``ClassifierModule(FaceNet(CasiaNetTrunk(), AveragePoolHead, …))`` trains the same network: its checkpoint holds
    the tensors ``trunk.…`` as ``network.trunk.…``, and ``classifier.…`` under that name.

    Source: Yi et al. (2014), Table 2, https://arxiv.org/abs/1411.7923; dropout there is 0.4.

    Args:
        num_classes: n, number of identities.
        in_channels: 1 for grey, 3 for RGB.
        width: Factor on the channels, above 0.
        dropout: Probability of dropout between representation and classifier.

    Attributes:
        embedding_dim: D, 320 at full width.

    Raises:
        ValueError: If ``width`` is not above 0, or ``dropout`` not in [0, 1).

    Example:
        >>> import torch
        >>> net = CasiaNet(5)
        >>> net(torch.zeros(2, 1, 100, 100)).shape, net.embed(torch.zeros(2, 1, 64, 64)).shape
        (torch.Size([2, 5]), torch.Size([2, 320]))
    """

    def __init__(self, num_classes: int, *, in_channels: int = 1, width: float = 1.0, dropout: float = 0.4) -> None:
        super().__init__()
        self.trunk = CasiaNetTrunk(width, in_channels)
        self.head = AveragePoolHead((self.trunk.out_channels, 1, 1))
        self.embedding_dim = self.head.embedding_dim
        self.classifier = nn.Sequential(dropout_layer(dropout), nn.Linear(self.embedding_dim, num_classes))

    def forward(self, x: Tensor) -> Tensor:
        """Return the class scores ``(B, n)`` of normalised images ``(B, C, H, W)``."""
        scores: Tensor = self.classifier(self.embed(x))  # (B, n)
        return scores

    def embed(self, x: Tensor) -> Tensor:
        """Return the face representations ``(B, D)`` of normalised images ``(B, C, H, W)``."""
        embedding: Tensor = self.head(self.trunk(x))  # (B, D)
        return embedding


def _stage(number: int, in_channels: int, first: int, second: int) -> nn.Sequential:
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    if number > 1:
        layers[f"pool{number - 1}"] = nn.MaxPool2d(2, ceil_mode=True)
    layers[f"conv{number}_1"] = nn.Conv2d(in_channels, first, kernel_size=3, padding=1)
    layers[f"relu{number}_1"] = nn.ReLU(inplace=True)
    layers[f"conv{number}_2"] = nn.Conv2d(first, second, kernel_size=3, padding=1)
    if number < len(_CHANNELS):
        layers[f"relu{number}_2"] = nn.ReLU(inplace=True)
    return nn.Sequential(layers)
