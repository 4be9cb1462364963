"""Networks on every device and in every precision: results and gradients are those of float64 on a CPU."""

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lightning_modules.networks import (
    SOIDN,
    ArcFaceHead,
    CasiaNet,
    Classifier,
    CosFaceHead,
    FaceNet,
    FCN8s,
    IResNetHead,
    IResNetTrunk,
    Normalize,
    PooledHead,
    SharedSOIDN,
    SMPSegmenter,
    TimmTrunk,
    VGG16Head,
    VGG16Trunk,
    is_best,
)
from lightning_modules.networks.unused import tensors_in
from tests.conftest import Precision


def soidn(**settings: Any) -> nn.Module:
    segmenter = FCN8s(0.125, fully_connected_dim=16, batch_norm=True, skip_scales=(1, 1))
    nn.init.normal_(segmenter.score.weight)  # starts at zero
    head = partial(PooledHead, embedding_dim=8)
    return SOIDN(VGG16Trunk(0.125, batch_norm=True), segmenter, head, image_size=32, **settings)


def shared(**settings: Any) -> nn.Module:
    head = partial(PooledHead, embedding_dim=8)
    return SharedSOIDN(VGG16Trunk(0.125, batch_norm=True), head, 32, **settings)


NETWORKS: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "CASIA-Net": (partial(CasiaNet, 5, width=0.125), 1),
    "FaceNet": (lambda: FaceNet(VGG16Trunk(0.125), partial(VGG16Head, embedding_dim=16), image_size=32), 3),
    "IResNet": (lambda: FaceNet(IResNetTrunk(18, 0.125), partial(IResNetHead, embedding_dim=8), 32), 3),
    "shared SOIDN": (shared, 3),
    "shared SOIDN, two passes": (partial(shared, mask_positions=[0, 3], second_pass=True), 3),
    "SOIDN, masks of features": (partial(soidn, mask_positions=[0, 2, 5], mask_source="scores"), 3),
    "SOIDN, masks of scores": (soidn, 3),
    "smp's U-Net": (partial(SMPSegmenter, "Unet", "resnet18"), 3),
    "timm's ResNet": (lambda: FaceNet(TimmTrunk("resnet10t"), partial(PooledHead, embedding_dim=8), 32), 3),
}


@pytest.mark.parametrize("channels_last", [False, True], ids=["channels-first", "channels-last"])
@pytest.mark.parametrize("name", NETWORKS)
def test_results_and_gradients(name: str, channels_last: bool, precision: Precision) -> None:
    make, channels = NETWORKS[name]
    network = make().eval()
    images = torch.randn(3, channels, 32, 32)
    reference = deepcopy(network).double()
    exact = list(tensors_in(reference(images.double())))
    layout = torch.channels_last if channels_last else torch.contiguous_format
    there = network.to(precision.device).to(memory_format=layout)
    with precision.autocast():
        found = list(tensors_in(there(images.to(precision.device, memory_format=layout))))
    assert len(found) == len(exact)
    for ours, theirs in zip(found, exact, strict=True):
        assert relative_error(ours.detach(), theirs.detach()) < precision.tolerance
    assert (
        relative_error(gradient(there, found), gradient(reference, exact)) < 8 * precision.tolerance
    )  # other maxima are pooled


def relative_error(found: Tensor, exact: Tensor) -> float:
    return float((found.cpu().double() - exact).norm() / exact.norm())


def gradient(network: nn.Module, results: list[Tensor]) -> Tensor:
    """Return the gradient of a sum of all results, with weights, with respect to all parameters as one."""
    weights = [torch.linspace(-1, 1, value.numel(), dtype=torch.double).view(value.shape) for value in results]
    total = torch.stack([(w.to(r.device, r.dtype) * r).sum().double() for w, r in zip(weights, results, strict=True)])
    parameters = [weight for weight in network.parameters() if weight.requires_grad]
    gradients = torch.autograd.grad(total.sum(), parameters, allow_unused=True)
    return torch.cat([gradient.flatten() for gradient in gradients if gradient is not None])


@pytest.mark.parametrize("head", [None, ArcFaceHead, CosFaceHead])
def test_scores_and_losses_of_identities(head: Callable[[int, int], Any] | None, precision: Precision) -> None:
    classifier = Classifier(8, 5, margin_head=head)
    embeddings, identities = torch.randn(6, 8), torch.arange(6) % 5
    loss = nn.CrossEntropyLoss()
    exact = deepcopy(classifier).double().scores_and_loss(embeddings.double(), identities, loss)
    there = embeddings.to(precision.device), identities.to(precision.device)
    with precision.autocast():
        scores, value = classifier.to(precision.device).scores_and_loss(*there, loss)
    assert scores.device.type == value.device.type == precision.device.type
    for ours, theirs in ((scores, exact[0]), (value, exact[1])):
        assert (ours.cpu().double() - theirs).abs().max() < 4 * precision.tolerance * theirs.abs().max()
    assert torch.equal(is_best(scores, there[1]).cpu(), is_best(scores.cpu(), identities))


@pytest.mark.parametrize("grey", [False, True])
def test_pixels(grey: bool, precision: Precision) -> None:
    normalize = Normalize(grey=grey)
    images = torch.randint(256, (2, 3, 4, 5), dtype=torch.uint8)
    with precision.autocast():
        found = normalize.to(precision.device)(images.to(precision.device))
    assert found.dtype == torch.float32  # whatever the network computes in
    exact = normalize.cpu().double()(images)
    assert (found.cpu().double() - exact).abs().max() < 1e-5
