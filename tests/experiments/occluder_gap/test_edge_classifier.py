"""What can be told apart is told apart, what cannot is chance, and one photograph is never on both sides."""

import numpy as np
import pytest

from datamodules.errors import DataError
from experiments.occluder_gap.edge_classifier import Labelled, _drawn, halves, tell_apart
from experiments.occluder_gap.edge_features import REACH, edge_features


def disc(value: int, *, blur: bool, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    import cv2

    mask = np.zeros((96, 96), np.uint8)
    cv2.circle(mask, (48, 48), 25, 1, -1)
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 2.0) if blur else mask.astype(np.float32)
    noise = np.random.default_rng(seed).normal(0, 3, (96, 96, 3))
    image = np.clip(90 + (value - 90) * soft[..., None] + noise, 0, 255).astype(np.uint8)
    return image, mask.astype(bool)


def test_two_kinds_of_edge_are_told_apart_and_one_is_not() -> None:
    sharp, soft, same = (
        np.stack([edge_features(*disc(190, blur=blur, seed=seed + shift)) for seed in range(30)])  # type: ignore[misc]
        for blur, shift in ((False, 0), (True, 100), (False, 200))
    )
    names = [f"{set_}{n}" for set_ in "ab" for n in range(30)]
    assert tell_apart(sharp, soft, names, replicates=5).auc > 0.99
    alike = tell_apart(sharp, same, names, replicates=40)
    assert alike.auc_interval[0] < 0.5 < alike.auc_interval[1]
    assert alike.images == (30, 30)


def test_halves_of_one_set_are_chance() -> None:
    random, names = np.random.default_rng(0), [str(number) for number in range(80)]
    told = [halves(random.normal(size=(80, 20)).astype(np.float32), names, replicates=20) for _ in range(8)]
    assert np.mean([found.auc for found in told]) == pytest.approx(0.5, abs=0.08)
    assert sum(found.auc_interval[0] <= 0.5 <= found.auc_interval[1] for found in told) >= 7


def test_the_same_photograph_in_both_sets_tells_nothing() -> None:
    """Features that name the photograph alone: without groups, its twin in training would give a wrong answer."""
    photographs = np.random.default_rng(0).normal(size=(40, 60)).astype(np.float32)
    names = [str(n) for n in range(40)] * 2
    assert tell_apart(photographs, photographs, names, replicates=5).auc == pytest.approx(0.5, abs=0.05)


def test_the_level_across_an_edge_is_read_from_outside_to_inside() -> None:
    features = edge_features(*disc(230, blur=False))
    assert features is not None
    lightness = features[: 3 * (2 * REACH + 1) : 3]
    assert lightness[0] < -20 < 20 < lightness[-1]
    assert (np.diff(lightness) > -1).all()


def test_no_edge_has_no_features() -> None:
    image, mask = disc(190, blur=False)
    assert edge_features(image, np.zeros_like(mask)) is None
    assert edge_features(image, np.ones_like(mask)) is None
    assert edge_features(image, mask, apart=mask) is None


def test_refuses_few_images() -> None:
    few = np.zeros((9, 3), np.float32)
    with pytest.raises(DataError, match="Expected at least 10 images with an edge in each set, got 9 and 9"):
        tell_apart(few, few, ["a"] * 18)


def test_draws_that_leave_a_set_out_are_drawn_again_and_small_sets_have_intervals() -> None:
    random = np.random.default_rng(0)
    features, names = random.normal(size=(40, 3)).astype(np.float32), [str(number) for number in range(40)]
    few = tell_apart(features[:10], features[10:], names, replicates=300)
    assert np.isfinite([*few.auc_interval, *few.accuracy_interval]).all()
    images = Labelled(features[:4], np.arange(4) == 0, np.arange(4))
    for times in _drawn(images, 4, 200, random):
        assert times.sum() == 4
        assert times[0] > 0
        assert times[1:].any()
