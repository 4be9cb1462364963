from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from callbacks.occlusion_sensitivity import SampledMap, occlusion_error_map, sampled_error_map
from callbacks.occlusion_sensitivity.sampled import sampled_places
from tests.helpers.processes import run_in_two

CODE = """
from callbacks.occlusion_sensitivity import sampled_error_map
network, images, labels = torch.load(f"{folder}/inputs.pt", weights_only=False)
result = sampled_error_map(network, images, labels, occluder_size=(8, 6), share=0.1, method="dense")
torch.save(tuple(result), f"{folder}/{rank}.pt")
"""


def a_network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3, padding=1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6, 3),
    ).eval()


def some_images(number: int = 60) -> tuple[nn.Module, Tensor, Tensor]:
    network = a_network()
    images = 2 * torch.randn(number, 1, 20, 24, generator=torch.Generator().manual_seed(1))
    scores = network(images).detach()
    network.get_parameter("6.bias").data -= scores.mean(0)
    return network, images, network(images).argmax(1)


def sampled(**changed: Any) -> SampledMap:
    network, images, labels = some_images()
    settings: dict[str, Any] = {"occluder_size": (8, 6), "share": 0.1, "method": "dense"} | changed
    return sampled_error_map(network, images, labels, **settings)


def same(one: SampledMap, other: SampledMap) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_the_whole_sample_gives_the_exact_map_and_no_error() -> None:
    network, images, labels = some_images()
    exact = occlusion_error_map(network, images, labels, occluder_size=(8, 6), method="dense")
    result = sampled(share=1)
    torch.testing.assert_close(result.error, exact, atol=1e-7, rtol=0)
    assert not result.standard_error.any()


@pytest.mark.parametrize("share", [0.05, 0.3])
def test_the_exact_map_lies_within_three_standard_errors(share: float) -> None:
    network, images, labels = some_images()
    exact = occlusion_error_map(network, images, labels, occluder_size=(8, 6), method="dense")
    within = []
    for seed in range(3):
        result = sampled(share=share, seed=seed)
        within.append(((result.error - exact).abs() <= 3 * result.standard_error).double().mean())
    assert 0.02 < exact.mean() < 0.9
    assert torch.stack(within).mean() >= 0.99


def test_the_map_is_a_function_of_the_seed() -> None:
    assert same(sampled(seed=3), sampled(seed=3))
    assert not torch.equal(sampled(seed=3).error, sampled(seed=4).error)


@pytest.mark.parametrize(
    "settings", [{"batch_size": 7}, {"method": "incremental"}, {"method": "incremental", "batch_size": 5, "memory": 1}]
)
def test_batches_memory_and_method_change_nothing(settings: dict[str, Any]) -> None:
    assert same(sampled(), sampled(**settings))


def test_images_misclassified_are_left_out() -> None:
    network, images, labels = some_images()
    labels[::3] = (labels[::3] + 1) % 3
    result = sampled_error_map(network, images, labels, occluder_size=(8, 6), share=0.1, method="dense")
    assert result.indices.tolist() == [index for index in range(60) if index % 3]


def test_few_images_and_places_still_give_a_map() -> None:
    network, images, labels = some_images(2)
    result = sampled_error_map(network, images, labels, occluder_size=(8, 6), share=0.001, method="dense")
    assert result.error.isfinite().all()
    assert result.standard_error.min() > 0.05


@pytest.mark.parametrize("share", [0.02, 0.1, 0.7])
def test_every_place_is_sampled_with_the_probability_of_the_share(share: float) -> None:
    places = torch.stack([sampled_places((12, 15), share, 0, index) for index in range(3000)])
    for half, expected in ((places > 0, share), (places == 1, share / 2), (places == 2, share / 2)):
        deviation = (half.double().mean(0) - expected) / (expected * (1 - expected) / 3000) ** 0.5
        assert deviation.abs().max() < 4.5  # of 180 places
        assert deviation.square().mean() < 1.3


def test_places_of_one_image_keep_their_distance() -> None:
    for index in range(20):
        at = torch.nonzero(sampled_places((100, 100), 1 / 50, 0, index)).double()
        assert abs(len(at) - 200) <= 6
        distance = torch.cdist(at, at).fill_diagonal_(torch.inf)
        assert distance.min() > 0.5 * 50**0.5


def test_all_places_are_sampled_if_the_share_is_one() -> None:
    assert sampled_places((9, 7), 1.0, 5, 2).min() == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"share": 0.0}, r"Expected `share` in \(0, 1\], got 0.0"),
        ({"share": 1.5}, r"Expected `share` in \(0, 1\], got 1.5"),
        ({"share": float("nan")}, r"Expected `share` in \(0, 1\], got nan"),
        ({"seed": -1}, "Expected `seed` of at least 0, got -1"),
        ({"fill": [0.0, 1.0]}, "Expected `fill` of 1 or 1 values, got 2"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sampled(**settings)


def test_logits_that_are_not_finite_are_refused() -> None:
    network, images, labels = some_images(4)
    with pytest.raises(ValueError, match="Expected finite logits"):
        sampled_error_map(network, images, labels, occluder_size=(8, 6), fill=float("nan"), share=0.5, method="dense")


@pytest.mark.ddp
@pytest.mark.slow
def test_the_map_does_not_depend_on_the_number_of_processes(tmp_path: Path) -> None:
    network, images, labels = some_images()
    torch.save((network, images, labels), tmp_path / "inputs.pt")
    run_in_two(CODE, tmp_path)
    alone = sampled()
    for rank in range(2):
        assert same(SampledMap(*torch.load(tmp_path / f"{rank}.pt")), alone)
