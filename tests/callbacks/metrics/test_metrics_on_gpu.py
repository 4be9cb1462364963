"""Every measure on a GPU is that on a CPU, and stays where it was computed."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from callbacks.metrics import (
    auc,
    best_threshold,
    class_iou,
    cmc,
    confusion_matrices,
    equal_error_rate,
    fnir_at_fpir,
    fold_accuracies,
    gallery_decidability,
    mates,
    open_set_identification,
    roc_band,
    roc_curve,
    search,
    search_scores,
    tar_at_far,
)
from tests.callbacks.metrics.samples import random_pairs, random_people

pytestmark = pytest.mark.gpu
FACES, PEOPLE = random_people(30, 4)
ENROLLED = torch.tensor([identity not in PEOPLE[:row] for row, identity in enumerate(PEOPLE)])  # the first of each
SCORES, SAME = random_pairs(300)
FOLDS = torch.arange(300) % 10
SEARCH = (FACES[ENROLLED], PEOPLE[ENROLLED], FACES[~ENROLLED], PEOPLE[~ENROLLED])
OPEN = (FACES[:40], PEOPLE[:40] % 20, FACES[40:], PEOPLE[40:])
PIXELS = torch.arange(2 * 5 * 6).view(2, 5, 6) % 7 < 3, torch.arange(2 * 5 * 6).view(2, 5, 6) % 5 < 2


def search_errors(*faces: Tensor) -> Tensor:
    return fnir_at_fpir(search_scores(*faces), (0.1, 0.5))


FUNCTIONS: dict[str, tuple[Callable[..., Any], tuple[Tensor, ...]]] = {
    "auc": (auc, (SCORES, SAME)),
    "best_threshold": (best_threshold, (SCORES, SAME)),
    "class_iou": (lambda *maps: class_iou(confusion_matrices(*maps).sum(0)), PIXELS),
    "cmc": (cmc, SEARCH),
    "equal_error_rate": (equal_error_rate, (SCORES, SAME)),
    "fnir_at_fpir": (search_errors, OPEN),
    "fold_accuracies": (fold_accuracies, (SCORES, SAME, FOLDS)),
    "gallery_decidability": (gallery_decidability, SEARCH),
    "mates": (partial(mates, max_rank=3), SEARCH),
    "open_set_identification": (open_set_identification, OPEN),
    "roc_curve": (partial(roc_curve, drop_intermediate=True), (SCORES, SAME)),
    "search": (partial(search, k=3, block=(16, 16)), (SEARCH[0], SEARCH[2])),
    "tar_at_far": (partial(tar_at_far, fars=(0.02, 0.5)), (SCORES, SAME)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name: str, cuda: torch.device) -> None:
    function, given = FUNCTIONS[name]
    found = list(flat(function(*(tensor.to(cuda) for tensor in given))))
    for ours, theirs in zip(found, flat(function(*given)), strict=True):
        assert ours.device.type == cuda.type
        assert_close(ours.cpu(), theirs, rtol=1e-5, atol=1e-6)


def test_a_bootstrap_draws_the_same_whatever_the_device(cuda: torch.device) -> None:
    ours, theirs = (
        roc_band(SCORES.to(at), SAME.to(at), (0.1, 0.5), groups=FOLDS.to(at), resamples=50) for at in (cuda, "cpu")
    )
    assert all(torch.equal(a.cpu(), b) for a, b in zip(ours, theirs, strict=True))


def flat(result: Any) -> Iterable[Tensor]:
    if isinstance(result, Tensor):
        yield result
    else:
        for part in result.values() if isinstance(result, Mapping) else result:
            yield from flat(part)
