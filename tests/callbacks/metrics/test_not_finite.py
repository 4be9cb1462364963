"""What is not finite is refused by every measure, and named; what has no direction or ties has one rule."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from callbacks.metrics import (
    auc,
    best_threshold,
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
from callbacks.metrics.directions import rescaled
from callbacks.metrics.open_set import SearchScores

SAME = torch.arange(8) < 4
SCORES = torch.linspace(1, -1, 8)
PEOPLE = torch.arange(5)

OF_PAIRS: dict[str, Callable[[Tensor], Any]] = {
    "auc": lambda scores: auc(scores, SAME),
    "best_threshold": lambda scores: best_threshold(scores, SAME),
    "equal_error_rate": lambda scores: equal_error_rate(scores, SAME),
    "fold_accuracies": lambda scores: fold_accuracies(scores, SAME, torch.arange(8) % 2),
    "roc_band": lambda scores: roc_band(scores, SAME, (0.5,), resamples=2),
    "roc_curve": lambda scores: roc_curve(scores, SAME),
    "tar_at_far": lambda scores: tar_at_far(scores, SAME, (0.5,)),
    "fnir_at_fpir": lambda scores: fnir_at_fpir(SearchScores(scores[:4], scores[4:]), (0.5,)),
}
OF_FACES: dict[str, Callable[[Tensor, Tensor], Any]] = {
    "cmc": lambda gallery, probes: cmc(gallery, PEOPLE, probes, PEOPLE, max_rank=2),
    "gallery_decidability": lambda gallery, probes: gallery_decidability(gallery, PEOPLE, probes, PEOPLE),
    "mates": lambda gallery, probes: mates(gallery, PEOPLE, probes, PEOPLE, max_rank=2),
    "open_set": lambda gallery, probes: open_set_identification(gallery, PEOPLE, probes, PEOPLE + 2),
    "search": lambda gallery, probes: search(gallery, probes, 2),
    "search_scores": lambda gallery, probes: search_scores(gallery, PEOPLE, probes, PEOPLE + 2),
}
BAD = [torch.nan, torch.inf, -torch.inf]


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("name", OF_PAIRS)
def test_one_score_is_enough_for_a_refusal(name: str, bad: float) -> None:
    OF_PAIRS[name](SCORES)
    if name == "fnir_at_fpir" and bad == -torch.inf:
        return  # stands for a mate that does not come first
    with pytest.raises(ValueError, match=r"Expected finite .*, got NaN or infinity in 1 of \d, first at 2"):
        OF_PAIRS[name](SCORES.index_fill(0, torch.tensor(2), bad))


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("where", ["gallery", "probe"])
@pytest.mark.parametrize("name", OF_FACES)
def test_one_face_is_enough_for_a_refusal(name: str, where: str, bad: float) -> None:
    faces = {"gallery": torch.eye(5), "probe": torch.eye(5)}
    OF_FACES[name](*faces.values())
    faces[where][3, 1] = bad
    with pytest.raises(
        ValueError, match=f"Expected finite {where} embeddings, got NaN or infinity in 1 of 5, first at 3"
    ):
        OF_FACES[name](*faces.values())


@pytest.mark.parametrize("bad", [torch.nan, 0.7])
def test_a_segmentation_holds_classes_and_nothing_between(bad: float) -> None:
    mask = torch.zeros(1, 2, 2)
    assert confusion_matrices(mask, mask).tolist() == [[[4, 0], [0, 0]]]
    with pytest.raises(ValueError, match="Expected classes of segmentation as whole numbers"):
        confusion_matrices(torch.tensor([[[0.0, bad], [0.0, 0.0]]]), mask)


def test_faces_that_are_all_the_same_identify_nobody_and_verify_nothing() -> None:
    gallery, probes = torch.full((5, 3), 0.3), torch.full((5, 3), 0.1)
    assert cmc(gallery, PEOPLE, probes, PEOPLE, max_rank=5).tolist() == [0, 0, 0, 0, 1]
    assert gallery_decidability(gallery, PEOPLE, probes, PEOPLE) == 0
    assert fnir_at_fpir(search_scores(gallery, PEOPLE, probes, PEOPLE + 2), (0.5,)) == 1
    constant = torch.full((8,), 0.1)
    assert equal_error_rate(constant, SAME) == auc(constant, SAME) == 0.5
    assert tar_at_far(constant, SAME, (0.5,)) == 0
    assert fold_accuracies(constant, SAME, torch.tensor([0, 0, 1, 1] * 2)).tolist() == [0.5, 0.5]


def test_an_embedding_of_zeros_is_as_unlike_as_one_at_right_angles() -> None:
    gallery, probes = torch.eye(3), torch.eye(3)
    gallery[0] = 0  # not even its own person's
    assert cmc(gallery, PEOPLE[:3], probes, PEOPLE[:3], max_rank=1).item() == pytest.approx(2 / 3)
    probes[0] = 0
    assert cmc(gallery, PEOPLE[:3], probes, PEOPLE[:3], max_rank=1).item() == pytest.approx(2 / 3)
    assert search(gallery, probes[:1], 1).similarity.item() == 0


@pytest.mark.parametrize("length", [1e-40, 1e-20, 1e20, 3e37])
def test_lengths_that_float32_cannot_square_change_nothing(length: float) -> None:
    generator = torch.Generator().manual_seed(0)
    gallery, probes = torch.randn(5, 4, generator=generator), torch.randn(5, 4, generator=generator)
    expected = search(gallery, probes, 5)
    found = search(length * gallery, probes, 5)
    assert torch.equal(found.place, expected.place)
    torch.testing.assert_close(found.similarity, expected.similarity, rtol=1e-4, atol=1e-4)  # 1e-40 has few bits
    scaled = gallery_decidability(gallery, PEOPLE, length * probes, PEOPLE)
    torch.testing.assert_close(scaled, gallery_decidability(gallery, PEOPLE, probes, PEOPLE), rtol=1e-3, atol=1e-4)


def test_usual_lengths_stay_bit_for_bit() -> None:
    embeddings = torch.randn(5, 4, generator=torch.Generator().manual_seed(0)) * torch.logspace(-4, 12, 5)[:, None]
    assert torch.equal(rescaled(embeddings), embeddings)


@pytest.mark.parametrize("values", [(0.6, 0.2), (0.1, 0.3)])
def test_scores_that_do_not_vary_part_completely(values: tuple[float, float]) -> None:
    genuine, impostor = values
    cosines = torch.tensor([genuine, (1 - genuine**2) ** 0.5]), torch.tensor([impostor, (1 - impostor**2) ** 0.5])
    probes = torch.cat([cosines[0].expand(99, 2), cosines[1].expand(99, 2)])
    people = torch.tensor([5] * 99 + [6] * 99)
    assert gallery_decidability(torch.tensor([[1.0, 0.0]]), torch.tensor([5]), probes, people) == torch.inf


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.int64])
def test_an_error_rate_is_not_rounded_to_the_scores_type(dtype: torch.dtype) -> None:
    scores, same = torch.arange(7), torch.tensor([True, False, False, True, False, True, True])
    assert equal_error_rate(scores.to(dtype), same) == equal_error_rate(scores.float(), same)


def test_comparisons_of_one_kind_have_no_decidability() -> None:
    with pytest.raises(ValueError, match="Expected genuine and impostor comparisons, got 4 and 0"):
        gallery_decidability(torch.eye(2), torch.tensor([5, 5]), torch.eye(2), torch.tensor([5, 5]))
