"""Occlusion maps of verification: scores are those of the definition, whichever way and network."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, interpolate
from torch.testing import assert_close

from callbacks.occlusion_sensitivity import rejection_map, verification_maps
from callbacks.occlusion_sensitivity.maps import NotFiniteError
from callbacks.occlusion_sensitivity.occluded_embeddings import NoDirectionError
from callbacks.occlusion_sensitivity.verification_maps import Covered, whole_map
from lightning_modules.networks import AveragePoolHead, FaceNet, IResNetHead, IResNetTrunk
from tests.callbacks.occlusion_sensitivity.networks import sample_of
from tests.callbacks.occlusion_sensitivity.test_maps import Warns

COVERED: tuple[Covered, ...] = ("both", "first", "second")
EXACT = 1e-5
"""Of a score."""


def tiny(size: tuple[int, int, int] = (2, 7, 9), number: int = 2) -> tuple[nn.Module, Tensor, Tensor]:
    """Return a network with embeddings of 5 entries, and pairs of images."""
    layers = [nn.Conv2d(size[0], 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 5, 2)]
    given = sample_of(nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()), size, number=2 * number)
    return given.network, given.images[:number], given.images[number:]


def slow_scores(
    network: nn.Module,
    first: Tensor,
    second: Tensor,
    size: tuple[int, int],
    fill: list[float],
    covered: Covered,
) -> Tensor:
    """Return scores ``(N, H, W)`` by the definition, one picture at a time."""

    def picture(image: Tensor, i: int, j: int, covers: bool) -> Tensor:
        image = image.clone()
        for row in range(i - size[0] // 2, i - size[0] // 2 + size[0]):
            for column in range(j - size[1] // 2, j - size[1] // 2 + size[1]):
                if covers and 0 <= row < image.shape[1] and 0 <= column < image.shape[2]:
                    image[:, row, column] = torch.tensor(fill)
        return image[None]

    number, _, height, width = first.shape
    scores = torch.empty(number, height, width)
    with torch.no_grad():
        for n in range(number):
            for i in range(height):
                for j in range(width):
                    one = network(picture(first[n], i, j, covered != "second"))
                    other = network(picture(second[n], i, j, covered != "first"))
                    scores[n, i, j] = cosine_similarity(one.double(), other.double())[0]
    return scores


@pytest.mark.parametrize("covered", COVERED)
@pytest.mark.parametrize("occluder_size", [(3, 4), (1, 1), (7, 9)])
def test_maps_are_the_definition(covered: Covered, occluder_size: tuple[int, int]) -> None:
    network, first, second = tiny()
    fill = [0.8, -1.5]
    expected = slow_scores(network, first, second, occluder_size, fill, covered)
    for method in ("dense", "incremental"):
        maps = verification_maps(
            network, first, second, covered=covered, occluder_size=occluder_size, fill=fill, method=method
        )
        assert_close(maps.scores, expected, atol=EXACT, rtol=0)
        assert_close(maps.clean, cosine_similarity(network(first), network(second)).detach(), atol=EXACT, rtol=0)
        assert_close(maps.drops, maps.clean[:, None, None] - expected, atol=EXACT, rtol=0)


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


def test_what_cannot_be_traced_is_embedded_densely_and_said_so() -> None:
    class Branching(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = tiny()[0]

        def forward(self, x: Tensor) -> Tensor:
            x = self.layers(x)
            return x if float(x.sum()) > -1e9 else -x

    _, first, second = tiny()
    network = Branching()
    settings: Any = {"occluder_size": (3, 3), "stride": 2}
    with pytest.warns(UserWarning, match="Branching cannot be traced, its occlusion maps are computed densely"):
        maps = verification_maps(network, first, second, **settings)
    reference = verification_maps(network.layers, first, second, method="dense", **settings)
    assert_close(maps.scores, reference.scores, atol=EXACT, rtol=0)


def test_covering_both_with_the_images_swapped_is_the_same() -> None:
    network, first, second = tiny()
    swaps: tuple[tuple[Covered, Covered], ...] = (("both", "both"), ("first", "second"))
    for covered, swapped in swaps:
        maps = verification_maps(network, first, second, covered=covered, occluder_size=(3, 3))
        other = verification_maps(network, second, first, covered=swapped, occluder_size=(3, 3))
        assert_close(maps.scores, other.scores)


def test_the_length_of_embeddings_and_the_memory_change_nothing() -> None:
    network, first, second = tiny(number=5)
    maps = partial(verification_maps, first=first, second=second, occluder_size=(3, 3), stride=3)
    reference = maps(network)
    longer = nn.Sequential(network, _Times(1e4))
    assert_close(maps(longer).scores, reference.scores)
    assert_close(maps(network, memory=1).scores, reference.scores)


class _Times(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


# --------------------------------------------------------------------------------------------------- decisions


def test_the_rejection_map_is_the_share_of_accepted_pairs_that_are_lost() -> None:
    network, first, second = tiny(number=6)
    maps = verification_maps(network, first, second, occluder_size=(5, 5), fill=3.0, stride=2)
    threshold = float(maps.clean.sort().values[2])  # reached by four pairs, exactly by one
    found = rejection_map(maps, threshold)
    accepted = [n for n in range(6) if float(maps.clean[n]) >= threshold]
    assert found.used.nonzero()[:, 0].tolist() == accepted
    assert len(accepted) == 4
    for i in range(len(maps.rows)):
        for j in range(len(maps.columns)):
            lost = sum(float(maps.scores[n, i, j]) < threshold for n in accepted)
            assert float(found.rate[i, j]) == pytest.approx(lost / 4)
    assert whole_map(found.rate, maps, (7, 9)).shape == (7, 9)
    assert torch.equal(whole_map(found.rate, maps, (7, 9))[maps.rows][:, maps.columns], found.rate)


def test_a_higher_threshold_rejects_what_a_lower_one_does() -> None:
    network, first, second = tiny(number=4)
    maps = verification_maps(network, first, second, occluder_size=(3, 3))
    low, high = maps.rejected(0.1), maps.rejected(0.5)
    assert (high | ~low).all()
    assert not maps.rejected(-1).any()


# --------------------------------------------------------------------------------------------------- refusals


def test_refuses_what_no_map_can_be_made_of() -> None:
    network, first, second = tiny()
    settings: Any = {"occluder_size": (3, 3)}
    with pytest.raises(ValueError, match=r"images of one size, got \(2, 2, 7, 9\) and \(2, 2, 7, 8\)"):
        verification_maps(network, first, second[..., :8], **settings)
    with pytest.raises(ValueError, match="from 1 × 1 to the images' 7 × 9, got 8 × 2"):
        verification_maps(network, first, second, occluder_size=(8, 2))
    with pytest.raises(ValueError, match="`stride` of at least 1, got 0"):
        verification_maps(network, first, second, stride=0, **settings)
    with pytest.raises(ValueError, match="`covered` of both, first, second, got 'left'"):
        verification_maps(network, first, second, covered="left", **settings)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"network with embeddings \(B, D\), got \(2, 2, 7, 9\)"):
        verification_maps(nn.Identity(), first, second, method="dense", **settings)
    maps = verification_maps(network, first, second, **settings)
    for threshold in (1.1, float("nan")):
        with pytest.raises(ValueError, match=r"`threshold` in \[-1, 1\], got"):
            maps.rejected(threshold)
    with pytest.raises(ValueError, match="accepted without an occluder at 1, got none among 2"):
        rejection_map(maps, 1.0)


@pytest.mark.parametrize("memory", [1, 2**30])
def test_names_the_pair_whose_embedding_is_no_number_or_zero(memory: int) -> None:
    network, first, second = tiny(number=3)
    settings: Any = {"occluder_size": (3, 3), "memory": memory, "method": "dense"}
    broken = second.clone()
    broken[2, 0, 0, 0] = float("nan")
    with pytest.raises(NotFiniteError, match="finite embeddings, got NaN or infinity for image 2"):
        verification_maps(network, first, broken, **settings)
    bare = nn.Sequential(nn.Flatten(), nn.ReLU())
    dark = first.clone()
    dark[1] = -1.0
    with pytest.raises(NoDirectionError, match="embeddings other than 0, got zeros for image 1"):
        verification_maps(bare, dark, second, **settings)


def test_an_embedding_that_is_zero_under_the_occluder_scores_zero() -> None:
    image = torch.tensor([[[[1.0, 0.0]]]])
    maps = verification_maps(nn.Flatten(), image, image, covered="first", occluder_size=(1, 1), method="dense")
    assert maps.scores.tolist() == [[[0.0, 1.0]]]


def test_the_network_s_mode_and_the_images_are_left_as_they_were() -> None:
    network, first, second = tiny()
    network.train()
    before = first.clone()
    verification_maps(network, first, second, occluder_size=(3, 3))
    assert network.training
    assert torch.equal(first, before)


def test_a_head_s_average_is_taken_in_full() -> None:
    trunk = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 6, 3))
    given = sample_of(nn.Sequential(trunk, AveragePoolHead((6, 1, 1))), (1, 15, 15))
    maps = partial(verification_maps, given.network, given.images[:1], given.images[1:], occluder_size=(4, 4))
    assert_close(maps().scores, maps(method="dense").scores, atol=EXACT, rtol=0)
