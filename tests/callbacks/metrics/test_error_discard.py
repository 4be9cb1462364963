"""Error versus discard: by a loop, and what must hold of it."""

import pytest
import torch

from callbacks.metrics.error_discard import discard_gain, error_versus_discard

SHARES = torch.linspace(0, 0.3, 7, dtype=torch.float64)


def drawn(number: int = 40, levels: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    quality = torch.rand(number, generator=generator)
    if levels:
        quality = (quality * levels).floor()
    return torch.rand(number, generator=generator) < 0.3, quality


def test_without_ties_whole_numbers_of_pairs_are_discarded_as_a_loop_does() -> None:
    rejected, quality = drawn()
    shares = torch.arange(0, 40) / 40
    order = quality.argsort()
    expected = [float(rejected[order[number:]].double().mean()) for number in range(40)]
    torch.testing.assert_close(error_versus_discard(rejected, quality, shares), torch.tensor(expected).double())


def test_pairs_of_one_quality_are_discarded_at_random() -> None:
    rejected, quality = drawn(levels=3)
    generator = torch.Generator().manual_seed(0)
    total = torch.zeros(len(SHARES), dtype=torch.float64)
    for _ in range(3000):
        order = torch.argsort(quality + 0.5 * torch.rand(len(quality), generator=generator))
        total += torch.stack([rejected[order[round(float(s) * 40) :]].double().mean() for s in SHARES])
    torch.testing.assert_close(error_versus_discard(rejected, quality, SHARES), total / 3000, atol=4e-3, rtol=0)


def test_neither_order_nor_scale_of_qualities_counts() -> None:
    rejected, quality = drawn(levels=5)
    rates = error_versus_discard(rejected, quality, SHARES)
    order = torch.randperm(40, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(error_versus_discard(rejected[order], quality[order].exp() * 7, SHARES), rates)


def test_a_pair_of_weight_two_is_two_pairs_and_one_of_weight_nothing_none() -> None:
    rejected, quality = drawn(levels=6)
    counts = torch.randint(3, (40,), generator=torch.Generator().manual_seed(2))
    rates = error_versus_discard(rejected, quality, SHARES, torch.stack([counts, torch.ones(40)]))
    repeated = error_versus_discard(rejected.repeat_interleave(counts), quality.repeat_interleave(counts), SHARES)
    torch.testing.assert_close(rates, torch.stack([repeated, error_versus_discard(rejected, quality, SHARES)]))


def test_the_gain_is_one_of_the_best_order_nothing_of_none_and_negative_of_the_worst() -> None:
    rejected, _ = drawn()
    best, none, worst = (
        float(discard_gain(error_versus_discard(rejected, quality, SHARES), SHARES))
        for quality in (-rejected.float(), torch.zeros(40), rejected.float())
    )
    assert best == pytest.approx(1, abs=1e-12)
    assert none == pytest.approx(0, abs=1e-12)
    assert worst < -0.1


def test_where_nothing_is_rejected_there_is_no_gain() -> None:
    rates = error_versus_discard(torch.zeros(4, dtype=torch.bool), torch.arange(4.0), SHARES)
    assert bool((rates == 0).all())
    assert bool(discard_gain(rates, SHARES).isnan())


@pytest.mark.parametrize(
    ("rejected", "quality", "discarded", "message"),
    [
        (torch.ones(2).bool(), torch.ones(3), SHARES, r"Expected pairs \(N,\) and their quality, got \(2,\), \(3,\)"),
        (torch.ones(0).bool(), torch.ones(0), SHARES, r"got \(0,\), \(0,\)"),
        (torch.ones(2).bool(), torch.tensor([0, torch.nan]), SHARES, "NaN or infinity in 1 of 2, first at 1"),
        (torch.ones(2).bool(), torch.ones(2), torch.ones(1), r"in \[0, 1\), got \[1.0\]"),
    ],
)
def test_refusals(rejected: torch.Tensor, quality: torch.Tensor, discarded: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        error_versus_discard(rejected, quality, discarded)
