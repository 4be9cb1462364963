"""Re-ranking, against a slow reference that looks at every probe by itself."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from callbacks.metrics import cmc
from callbacks.metrics.directions import directions
from callbacks.recognition.identification import identify
from callbacks.recognition.pair_scorer import Indices
from callbacks.recognition.reranking import Reranking
from datamodules.seams.evaluation_protocol import Identification

GALLERY, PROBES, STRANGERS = 12, 30, 10


@dataclass
class Scorer:
    """Scores pairs by a matrix; each covered image costs one more."""

    scores: Tensor
    covered: Tensor
    views: int = 2

    def __call__(self, first: Indices, second: Indices) -> Tensor:
        return self.scores[first, second]

    def images(self, first: Indices, second: Indices) -> Tensor:
        return self.covered[first].long() + self.covered[second].long()


def drawn(seed: int, *, ties: bool = False) -> tuple[Identification, Tensor, Tensor, Scorer]:
    generator = torch.Generator().manual_seed(seed)
    number = GALLERY + PROBES + STRANGERS
    embeddings = torch.randn(number, 4, generator=generator)
    people = torch.arange(GALLERY) % 8
    mates = people[torch.randint(GALLERY, (PROBES,), generator=generator)]
    identities = torch.cat([people, mates, torch.arange(100, 100 + STRANGERS)])
    new = torch.rand(number, number, generator=generator)
    new = (new * 4).round() / 4 if ties else new
    faces = Identification(*np.split(np.arange(number), [GALLERY, GALLERY + PROBES]))
    return faces, embeddings, identities, Scorer(new, torch.rand(number, generator=generator) > 0.5)


def reference_rank(probe: int, embeddings: Tensor, identities: Tensor, scorer: Scorer, budget: int) -> int:
    """Return the rank of a probe's identity, found one candidate after the other."""
    plain = directions(embeddings[:GALLERY]) @ directions(embeddings[probe : probe + 1])[0]
    candidates, spent = [], 0
    for place in plain.argsort(descending=True)[:budget].tolist():
        spent += int(scorer.covered[place]) + int(scorer.covered[probe])
        if spent <= budget:
            candidates.append(place)
    best: dict[int, float] = {}
    for place in candidates:
        person = int(identities[place])
        best[person] = max(best.get(person, -9.0), float(scorer.scores[place, probe]))
    own = int(identities[probe])
    if own in best:
        return 1 + sum(score >= best[own] for person, score in best.items() if person != own)
    alike = {int(p): float(plain[identities[:GALLERY] == p].max()) for p in set(identities[:GALLERY].tolist())}
    return 1 + sum(score >= alike[own] for person, score in alike.items() if person != own)


@pytest.mark.parametrize("budget", [2, 5, 12, 20])
@pytest.mark.parametrize("ties", [False, True])
def test_ranks_are_those_of_a_slow_reference(budget: int, ties: bool) -> None:
    for seed in range(5):
        faces, embeddings, identities, scorer = drawn(seed, ties=ties)
        found = identify(faces, embeddings, identities, Reranking(scorer, budget))
        ranks = np.array([reference_rank(p, embeddings, identities, scorer, budget) for p in faces.probes])
        expected = [(ranks <= rank).mean() for rank in range(1, 9)]
        np.testing.assert_allclose(found.cmc.numpy(), expected)
        assert found.measures["rank1"] == pytest.approx(expected[0])


def test_scores_of_plain_comparisons_change_no_rank_and_no_search() -> None:
    faces, embeddings, identities, scorer = drawn(7)
    unit = directions(embeddings)
    scorer.scores = unit @ unit.T
    plain, again = (identify(faces, embeddings, identities, one) for one in (None, Reranking(scorer, 20)))
    torch.testing.assert_close(plain.cmc, again.cmc)
    assert plain.searched is not None
    assert again.searched is not None
    for one, other in zip(plain.searched, again.searched, strict=True):
        torch.testing.assert_close(one, other)


def test_a_probe_costs_no_more_than_allowed_and_what_it_costs_is_told() -> None:
    faces, embeddings, identities, scorer = drawn(3)
    for budget in (2, 7, 20):
        found = identify(faces, embeddings, identities, Reranking(scorer, budget))
        assert 2 <= found.measures["embeddings_a_probe"] <= 2 * (1 + budget)
    scorer.covered[:] = False
    assert identify(faces, embeddings, identities, Reranking(scorer)).measures["embeddings_a_probe"] == 2


def test_who_is_no_candidate_keeps_the_rank() -> None:
    faces, embeddings, identities, scorer = drawn(4)
    scorer.covered[:] = True  # two images a candidate: of a budget of 2, one is compared once more
    found = identify(faces, embeddings, identities, Reranking(scorer, 2))
    rows = torch.from_numpy(faces.gallery), torch.from_numpy(faces.probes)
    plain = cmc(*(part for row in rows for part in (embeddings[row], identities[row])), max_rank=8)
    torch.testing.assert_close(found.cmc, plain)
