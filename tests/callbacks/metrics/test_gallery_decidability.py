"""Decidability of a gallery's comparisons: that of the formula on all of them, in blocks of any size."""

import sys

import pytest
import torch
from torch.nn.functional import cosine_similarity

from callbacks.metrics import gallery_decidability
from losses import decidability


@pytest.mark.parametrize("block", [1, 3, 4096])
def test_is_the_formula_on_all_comparisons(block: int) -> None:
    generator = torch.Generator().manual_seed(0)
    gallery, probes = torch.randn(4, 6, generator=generator), 3 * torch.randn(10, 6, generator=generator)
    enrolled, people = torch.tensor([7, 3, 5, 1]), torch.randint(8, (10,), generator=generator)
    scores = cosine_similarity(probes[:, None], gallery, dim=2)  # (P, G)
    same = people[:, None] == enrolled
    assert 0 < same.sum() < 10  # some probes have nobody enrolled
    found = gallery_decidability(gallery, enrolled, probes, people, block=block)
    torch.testing.assert_close(found, decidability(scores[same], scores[~same]))


def test_scores_that_hardly_vary_keep_their_variance() -> None:
    gallery = torch.tensor([[1.0, 0.0], [0.9999, 0.0141]])
    probes = torch.tensor([[1.0, 0.001], [1.0, 0.012], [1.0, 0.002], [1.0, 0.013]])
    people = torch.tensor([0, 1, 0, 1])
    scores = cosine_similarity(probes.double()[:, None], gallery.double(), dim=2)
    same = people[:, None] == torch.tensor([0, 1])
    found = gallery_decidability(gallery, torch.tensor([0, 1]), probes, people)
    torch.testing.assert_close(found.double(), decidability(scores[same], scores[~same]), rtol=0.05, atol=0)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)
    faces = torch.randn(9, 4, generator=generator), torch.arange(9), torch.randn(50, 4, generator=generator)
    expected = gallery_decidability(*faces, torch.arange(50) % 9)
    monkeypatch.setattr(sys.modules[gallery_decidability.__module__], "CELLS", 20)  # two probes at once
    torch.testing.assert_close(gallery_decidability(*faces, torch.arange(50) % 9), expected)
