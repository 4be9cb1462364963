"""Deletion and insertion curves: the definition, their ends, and what a good map gains over a bad one."""

from functools import partial
from itertools import pairwise

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from callbacks.occlusion_sensitivity import perturbation_curve
from callbacks.occlusion_sensitivity.deletion_insertion import Kind, random_importance

IMAGES = torch.rand(3, 2, 5, 4, generator=torch.Generator().manual_seed(0))
WEIGHTS = torch.rand(5, 4, generator=torch.Generator().manual_seed(1))
FILL = torch.tensor([0.3, -0.2])


def score(images: Tensor) -> Tensor:
    return (images * WEIGHTS).sum((1, 2, 3))


def slow_curve(image: Tensor, importance: Tensor, kind: Kind, steps: int) -> list[float]:
    """Return scores of one image, a pixel at a time."""
    pixels = sorted((-float(importance[i, j]), i, j) for i in range(5) for j in range(4))
    scores = []
    for k in range(steps + 1):
        chosen = {(i, j) for _, i, j in pixels[: int(k * 20 / steps + 0.5)]}
        picture = image.clone()
        for i in range(5):
            for j in range(4):
                if ((i, j) in chosen) == (kind == "deletion"):
                    picture[:, i, j] = FILL
        scores.append(float(score(picture[None])))
    return scores


@pytest.mark.parametrize("kind", ["deletion", "insertion"])
@pytest.mark.parametrize("steps", [1, 3, 20])
def test_curves_are_the_definition(kind: Kind, steps: int) -> None:
    importance = torch.rand(3, 5, 4, generator=torch.Generator().manual_seed(2)).round(decimals=1)  # with ties
    curve = perturbation_curve(score, IMAGES, importance, kind=kind, fill=FILL, steps=steps)
    for n in range(3):
        expected = slow_curve(IMAGES[n], importance[n], kind, steps)
        assert_close(curve.scores[n].tolist(), expected, atol=1e-5, rtol=0)
        area = sum((a + b) / 2 / steps for a, b in pairwise(expected))
        assert float(curve.area[n]) == pytest.approx(area, abs=1e-5)


def test_one_map_for_all_images_is_that_map_for_each() -> None:
    curve = partial(perturbation_curve, score, IMAGES, kind="deletion", fill=FILL, steps=4)
    assert torch.equal(curve(WEIGHTS).scores, curve(WEIGHTS.expand(3, 5, 4)).scores)


def test_insertion_is_the_deletion_of_the_opposite_map_read_backwards() -> None:
    importance = torch.randperm(20, generator=torch.Generator().manual_seed(3)).view(5, 4).float()
    curve = partial(perturbation_curve, score, IMAGES, fill=FILL, steps=5)
    assert_close(curve(importance, kind="insertion").scores, curve(-importance, kind="deletion").scores.flip(1))


def test_the_map_that_knows_beats_a_random_one_and_its_opposite() -> None:
    curve = partial(perturbation_curve, score, torch.ones(1, 2, 5, 4), fill=torch.zeros(2), steps=20)
    by_random = random_importance(1, (5, 4), (1, 1), seed=0)
    low, middle, high = (float(curve(m, kind="deletion").area) for m in (WEIGHTS, by_random, -WEIGHTS))
    assert low < middle < high
    low, middle, high = (float(curve(m, kind="insertion").area) for m in (-WEIGHTS, by_random, WEIGHTS))
    assert low < middle < high


def test_random_maps_are_repeatable_differ_and_are_as_coarse_as_the_occluder() -> None:
    maps = random_importance(4, (40, 30), (20, 10), seed=5)
    assert torch.equal(maps, random_importance(4, (40, 30), (20, 10), seed=5))
    assert not torch.equal(maps[0], maps[1])
    assert maps.min() >= 0
    assert maps.max() <= 1
    steps = (maps[:, 1:] - maps[:, :-1]).abs().max()
    assert float(steps) <= 1 / 19  # between neighbouring nodes a value changes by 1 at most


def test_refuses_what_is_no_map_or_no_curve() -> None:
    curve = partial(perturbation_curve, score, IMAGES, fill=FILL)
    with pytest.raises(ValueError, match="`kind` of deletion, insertion, got 'blur'"):
        curve(WEIGHTS, kind="blur", steps=2)  # type: ignore[arg-type]  # refused
    with pytest.raises(ValueError, match="`steps` of at least 1, got 0"):
        curve(WEIGHTS, kind="deletion", steps=0)
    with pytest.raises(ValueError, match=r"`importance` of shape \(3, 5, 4\) or \(5, 4\), got \(4, 5\)"):
        curve(WEIGHTS.T, kind="deletion", steps=2)
    with pytest.raises(ValueError, match="finite `importance`"):
        curve(WEIGHTS / 0, kind="deletion", steps=2)
