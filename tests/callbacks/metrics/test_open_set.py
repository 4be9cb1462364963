"""Open-set identification: golden values, the definitions as loops, exact rates, refusals."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity
from torch.testing import assert_close

from callbacks.metrics import fnir_at_fpir, open_set_identification, search_scores
from tests.callbacks.metrics.samples import random_people


def open_set(seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return two enrolled faces of each of 20 people, and six probes each of these and 20 others."""
    embeddings, identities = random_people(40, 8, seed, dim=6, spread=0.8)
    order = identities.argsort(stable=True).view(40, 8)
    gallery, probes = order[:20, :2].flatten(), order[:, 2:].flatten()
    return embeddings[gallery], identities[gallery], embeddings[probes], identities[probes]


def looped_rates(faces: tuple[Tensor, Tensor, Tensor, Tensor], threshold: float) -> tuple[float, float]:
    """Return FPIR and FNIR as they are defined."""
    gallery, enrolled, probes, people = faces
    false_positives, false_negatives, mated = 0, 0, 0
    for probe, identity in zip(probes, people, strict=True):
        similarities = cosine_similarity(probe[None], gallery)
        best = similarities.argmax()
        if identity in enrolled:
            mated += 1
            false_negatives += int(enrolled[best] != identity or similarities[best] < threshold)
        else:
            false_positives += int(similarities[best] >= threshold)
    return false_positives / (len(probes) - mated), false_negatives / mated


@pytest.mark.parametrize("seed", range(3))
def test_rates_at_thresholds_are_those_of_the_definition(seed: int) -> None:
    faces = open_set(seed)
    thresholds = torch.tensor([-1.0, 0.3, 0.55, 0.7, 0.81, 0.9, 1.1])
    found = open_set_identification(*faces, thresholds=thresholds)
    expected = [looped_rates(faces, float(threshold)) for threshold in thresholds]
    assert len({fnir for _, fnir in expected}) > 3
    assert found.fpir.tolist() == pytest.approx([fpir for fpir, _ in expected])
    assert found.fnir.tolist() == pytest.approx([fnir for _, fnir in expected])


def test_thresholds_if_none_are_given_are_all_that_matter() -> None:
    faces = open_set()
    scores = search_scores(*faces)
    found = open_set_identification(*faces)
    assert found.thresholds[0] == torch.inf
    assert (found.thresholds.diff() < 0).all()
    assert [found.fpir[0].item(), found.fnir[0].item(), found.fpir[-1].item()] == [0, 1, 1]
    assert found.fnir[-1] == scores.mated.isinf().double().mean()  # not first, at whatever threshold
    changes = (found.fpir.diff() != 0) | (found.fnir.diff() != 0)
    assert changes.all()


@pytest.mark.parametrize("seed", range(3))
def test_rate_at_a_rate_is_the_lowest_of_all_allowed_thresholds(seed: int) -> None:
    faces = open_set(seed)
    rates = open_set_identification(*faces)
    fpirs = (1 / 120, 0.05, 0.1, 0.5, 1.0)
    expected = torch.stack([rates.fnir[rates.fpir <= fpir].min() for fpir in fpirs])
    assert_close(fnir_at_fpir(search_scores(*faces), fpirs), expected, rtol=0, atol=1e-12)


def test_a_mate_who_does_not_come_first_is_no_hit_at_any_threshold() -> None:
    gallery, probes = torch.eye(2), torch.tensor([[0.8, 0.6], [0.8, 0.6], [0.6, 0.8]])
    found = open_set_identification(
        gallery, torch.tensor([5, 6]), probes, torch.tensor([5, 6, 9]), thresholds=torch.tensor([-1.0, 0.7, 0.9])
    )
    assert found.fnir.tolist() == [0.5, 0.5, 1.0]
    assert found.fpir.tolist() == [1.0, 1.0, 0.0]


def test_a_mate_who_shares_the_first_place_is_no_hit() -> None:
    probes = torch.tensor([[1.0, 1.0], [0.0, 1.0]])
    scores = search_scores(torch.eye(2), torch.tensor([5, 6]), probes, torch.tensor([5, 9]))
    assert scores.mated.tolist() == [-torch.inf]


def test_refuses_what_was_not_measured() -> None:
    with pytest.raises(ValueError, match=r"Expected `fpirs` of at least 1/120, one of 120 unmated probes, got 0\.001"):
        fnir_at_fpir(search_scores(*open_set()), (0.1, 0.001))
    with pytest.raises(ValueError, match=r"Expected `fpirs` in \(0, 1\], got \[0\.0\]"):
        fnir_at_fpir(search_scores(*open_set()), (0.0,))


@pytest.mark.parametrize(("people", "got"), [((0, 1), "2 and 0"), ((7, 9), "0 and 2")])
def test_refuses_probes_of_one_kind(people: tuple[int, int], got: str) -> None:
    with pytest.raises(ValueError, match=f"Expected probes with and without a mate, got {got}"):
        open_set_identification(torch.eye(2), torch.arange(2), torch.eye(2), torch.tensor(people))
