"""Mixtures: frequencies are the probabilities, components are what they are on their own."""

import pickle
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from datamodules.occluders import Occluded, OccluderMixture, TemplateMixture, TemplateOccluder
from datamodules.seams.face_source import Landmarks, UInt8Image

MakeFace = Callable[..., tuple[UInt8Image, Landmarks]]


def named(name: str) -> Callable[..., Occluded]:
    """An occluder that does nothing but give its name."""

    def occluder(image: UInt8Image, landmarks: Landmarks, generator: np.random.Generator) -> Occluded:
        return Occluded(image, np.zeros(image.shape[:2], np.uint8), name)

    return occluder


@pytest.mark.parametrize("total", [1.0, 7.0])
def test_frequencies_are_the_normalised_probabilities(total: float) -> None:
    shares = {"none": 0.2, "a": 0.5, "b": 0.3, "never": 0.0}
    mixture = OccluderMixture(
        {name: named(name) for name in ("a", "b", "never")}, {k: total * v for k, v in shares.items()}
    )
    assert mixture.probabilities == pytest.approx(shares)
    rng, draws = np.random.default_rng(0), 4000
    blank = np.zeros((2, 2, 3), np.uint8), np.zeros((5, 2), np.float32)
    counts = Counter(mixture(*blank, rng).occluder for _ in range(draws))
    assert counts["never"] == 0
    chi_square = sum((counts[k] - draws * p) ** 2 / (draws * p) for k, p in shares.items() if p)
    assert chi_square < 9.21  # 99 % quantile at two degrees of freedom


def test_none_is_a_copy_of_the_clean_image(make_face: MakeFace) -> None:
    image, landmarks = make_face()
    result = OccluderMixture({}, {"none": 2})(image, landmarks, np.random.default_rng(0))
    np.testing.assert_array_equal(result.image, image)
    assert result.image is not image
    assert not result.mask.any()
    assert result.occluder == "none"


def test_components_are_the_occluders_on_their_own(make_face: MakeFace) -> None:
    mixture = TemplateMixture({"none": 1, "cup": 1, "sunglasses+scarf": 0}, split="held_out", num_instances=2, jitter=0)
    assert mixture.names == ("cup", "sunglasses+scarf")
    for name in mixture.names:
        alone = TemplateOccluder(name, split="held_out", num_instances=2, jitter=0)
        results = [o(*make_face(), np.random.default_rng(5)) for o in (mixture.component(name), alone)]
        np.testing.assert_array_equal(results[0].image, results[1].image)
        assert results[0].occluder == name


def test_the_generator_decides(make_face: MakeFace) -> None:
    mixture = TemplateMixture({"none": 1, "sunglasses": 1, "cup": 2}, num_instances=2)
    first, again = (
        [mixture(*make_face(), rng) for _ in range(8)] for rng in (np.random.default_rng(1), np.random.default_rng(1))
    )
    for a, b in zip(first, again, strict=True):
        assert a.occluder == b.occluder
        np.testing.assert_array_equal(a.image, b.image)


@pytest.mark.parametrize("weight", [-0.1, float("nan"), float("inf")])
def test_refuses_weights_that_are_no_weights(weight: float) -> None:
    with pytest.raises(ValueError, match=r"`probabilities` of at least 0, got .* for 'cup'"):
        TemplateMixture({"none": 1.0, "cup": weight})


@pytest.mark.parametrize("probabilities", [{}, {"none": 0.0}])
def test_refuses_a_sum_of_zero(probabilities: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="positive sum"):
        OccluderMixture({}, probabilities)


def test_refuses_unknown_names() -> None:
    with pytest.raises(ValueError, match=r"an occluder category among .*, got 'hat'"):
        TemplateMixture({"hat": 1.0})
    with pytest.raises(ValueError, match=r"`probabilities` of \['none', 'a'\], got 'b'"):
        OccluderMixture({"a": named("a")}, {"b": 1.0})
    with pytest.raises(ValueError, match="named other than 'none'"):
        OccluderMixture({"none": named("a")}, {"none": 1.0})
    with pytest.raises(ValueError, match=r"an occluder among \['a'\], got 'b'"):
        OccluderMixture({"a": named("a")}, {"a": 1.0}).component("b")


def test_travels_to_worker_processes(make_face: MakeFace) -> None:
    mixture = TemplateMixture({"sunglasses": 1, "cup": 1}, num_instances=2)
    copy = pickle.loads(pickle.dumps(mixture))  # noqa: S301 our own bytes
    a, b = (m(*make_face(), np.random.default_rng(4)) for m in (mixture, copy))
    np.testing.assert_array_equal(a.image, b.image)
