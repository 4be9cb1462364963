"""Small random networks with the parts that real ones are made of."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lightning_modules import SOIDNModule
from lightning_modules.networks import ArcFaceHead, CasiaNet, FaceNet, PooledHead, SharedSOIDN, VGG16Trunk


class Sample(NamedTuple):
    """A network in evaluation mode, two images, and what it predicts for them."""

    network: nn.Module
    images: Tensor
    labels: Tensor


class Residual(nn.Module):
    """Two convolutions and a shortcut, with in-place operations as in torchvision."""

    def __init__(self, channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(channels, out_channels, 3, stride, 1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(out_channels, out_channels, 3, padding=1),
            nn.BatchNorm2d(out_channels),
        )
        self.shortcut = nn.Identity() if stride == 1 else nn.Conv2d(channels, out_channels, 1, stride)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.convolutions(x)
        y += self.shortcut(x)
        return torch.as_tensor(self.relu(y))


class Concatenated(nn.Module):
    """A layer whose output is appended to its input, batch norm first, as in DenseNet."""

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.layer = nn.Sequential(
            nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, growth, 3, padding=1, bias=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.layer(x)], 1)


class Reused(nn.Module):
    """Maps that are used several times: before and after a ReLU, twice by one operation, by maxima and products."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 6, 3, padding=1)
        self.second = nn.Conv2d(12, 6, 3)
        self.slope = nn.PReLU(6)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x)
        positive = y.relu()
        both = torch.cat([positive + 2 * y, torch.maximum(positive, y.abs() / 3)], 1)
        return torch.as_tensor(self.slope(self.second(both + both)) * 0.5 - 0.1)


def head(channels: int, classes: int = 5) -> list[nn.Module]:
    """Return layers that make logits of what is left of a map."""
    return [nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * channels, classes)]


def _vgg_like() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3), *head(8),
    )  # fmt: skip


def _resnet_like() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 7, 2, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1),
        Residual(8, 8, 1), Residual(8, 12, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 5),
    )  # fmt: skip


def _densenet_like() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 6, 3, padding=1), Concatenated(6, 4), Concatenated(10, 4), nn.BatchNorm2d(14), nn.ReLU(),
        nn.Conv2d(14, 6, 1), nn.AvgPool2d(2), Concatenated(6, 4), *head(10),
    )  # fmt: skip


def _dilated() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=2, dilation=2), nn.LeakyReLU(), nn.Conv2d(8, 8, 3, groups=4, padding="same"),
        nn.SiLU(), nn.Conv2d(8, 8, (3, 2), stride=(2, 1), padding=(3, 1), dilation=(1, 3)), *head(8),
    )  # fmt: skip


def _pools() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 6, 3), nn.AvgPool2d(3, 2, 1), nn.MaxPool2d(3, 2, 1, ceil_mode=True), nn.Conv2d(6, 6, 2, padding=1),
        nn.AvgPool2d((1, 2), 1, divisor_override=3), nn.MaxPool2d((2, 1), dilation=(2, 1), stride=1), *head(6),
    )  # fmt: skip


def _strides() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 6, 2, stride=3), nn.Tanh(), nn.Conv2d(6, 6, 1, stride=2), nn.MaxPool2d(1, 2), *head(6)
    )


def _soidn_trunk(classifier: Callable[[int, int], nn.Module]) -> nn.Module:
    trunk = VGG16Trunk(0.125, batch_norm=True)
    return nn.Sequential(FaceNet(trunk, partial(PooledHead, embedding_dim=16), image_size=32), classifier(16, 5))


def _shared_soidn() -> nn.Module:
    network = SharedSOIDN(
        VGG16Trunk(0.125, batch_norm=True), partial(PooledHead, embedding_dim=16), 32, mask_weight=0.5
    )
    return SOIDNModule(network, 5).logits_network()


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, int, int]]] = {
    "CASIA-Net": (partial(CasiaNet, 5, width=0.125), (1, 33, 39)),
    "SOIDN's trunk": (partial(_soidn_trunk, nn.Linear), (3, 32, 32)),
    "SOIDN's trunk with a margin head": (partial(_soidn_trunk, ArcFaceHead), (3, 32, 32)),
    "SOIDN with a shared encoder": (_shared_soidn, (3, 32, 32)),
    "VGG-like": (_vgg_like, (3, 21, 26)),
    "ResNet-like": (_resnet_like, (3, 31, 25)),
    "DenseNet-like": (_densenet_like, (1, 19, 22)),
    "dilation, groups, same padding": (_dilated, (1, 23, 20)),
    "pools": (_pools, (1, 24, 27)),
    "stride above kernel": (_strides, (1, 23, 26)),
    "maps used again": (lambda: nn.Sequential(Reused(), *head(6)), (1, 17, 15)),
    "the image itself pooled": (
        lambda: nn.Sequential(nn.MaxPool2d(3, 2, 1), nn.Conv2d(1, 4, 3), *head(4)),
        (1, 14, 17),
    ),
}


def sample(name: str) -> Sample:
    """Return a network of ``NETWORKS`` with random weights and running statistics."""
    make, size = NETWORKS[name]
    return sample_of(make(), size)


def sample_of(network: nn.Module, size: tuple[int, int, int], number: int = 2) -> Sample:
    """Return any network, with random images of ``(C, H, W)``."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d) and module.running_mean is not None and module.running_var is not None:
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 1.5)
            if module.affine:
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.normal_(module.bias)
    network.eval()
    images = torch.randn(number, *size)
    with torch.no_grad():
        return Sample(network, images, network(images.clone()).argmax(1))
