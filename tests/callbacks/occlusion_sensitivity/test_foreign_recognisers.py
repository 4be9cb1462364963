"""Recognisers of others, with none of which the engine was made: their maps of verification are exact."""

from collections.abc import Callable
from functools import partial

import pytest
import timm
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from callbacks.occlusion_sensitivity import verification_maps
from lightning_modules.networks import FaceNet, IResNetHead, IResNetTrunk
from tests.callbacks.occlusion_sensitivity.test_maps import Warns
from tests.callbacks.occlusion_sensitivity.test_verification_maps import EXACT


def _timm(name: str) -> nn.Module:
    network: nn.Module = timm.create_model(name, pretrained=False, num_classes=0)
    return network


FOREIGN: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "ResNet-10-T": (partial(_timm, "resnet10t"), 64),
    "MobileNetV3-small": (partial(_timm, "mobilenetv3_small_050"), 64),
    "GhostNet": (partial(_timm, "ghostnet_050"), 64),
    "ConvNeXt": (partial(_timm, "convnext_atto"), 64),
    "ViT": (partial(_timm, "vit_tiny_patch16_224"), 224),
    "IResNet": (lambda: FaceNet(IResNetTrunk(18, 0.25), partial(IResNetHead, embedding_dim=32), 48), 48),
}
"""What faces are recognised with by others, with none of which the engine was made."""


def calibrated(network: nn.Module, images: Tensor) -> nn.Module:
    """Return a network with the statistics of images in its batch norms: else it hardly tells images apart."""
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = None  # the mean over all that has been seen
            nn.init.normal_(module.weight, 1.0, 0.1)
    with torch.no_grad():
        network.train()(images)
    return network.eval()


@pytest.mark.slow
@pytest.mark.parametrize("name", FOREIGN)
def test_whatever_network_is_exact(name: str, may_warn: Warns) -> None:
    make, side = FOREIGN[name]
    # coarse patterns: noise is much alike to a network that averages
    images = interpolate(torch.randn(16, 3, 4, 4), size=side, mode="bilinear")
    network, (first, second) = calibrated(make(), images), images[:2, None]
    maps = partial(verification_maps, network, first, second, occluder_size=(20, 14), fill=1.0, stride=side // 4)
    with may_warn():  # much is computed densely, where windows are of no use
        fast = maps(method="incremental")
    reference = maps(method="dense")
    assert float((fast.scores - reference.scores).abs().max()) <= EXACT
    assert float(reference.drops.abs().max()) > 100 * EXACT  # else it would be no test
