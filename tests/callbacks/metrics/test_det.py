"""The detection error tradeoff: 1 − ROC, a plain loop, what no threshold accepts, refusals."""

import pytest
import torch
from torch.testing import assert_close

from callbacks.metrics import SearchScores, det_curve, equal_error_rate, fnir_at_fpir, roc_curve
from tests.callbacks.metrics.samples import random_pairs


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_is_one_minus_roc(seed: int, ties: bool) -> None:
    scores, same = random_pairs(300, seed, ties=ties)
    curve = det_curve(scores[same], scores[~same])
    far, tar, _ = roc_curve(scores, same)
    assert torch.equal(curve.false_accepts, far)
    assert_close(curve.false_rejects, 1 - tar, rtol=0, atol=1e-12)
    crossing = (curve.false_accepts - curve.false_rejects).abs().argmin()
    equal = (curve.false_accepts + curve.false_rejects)[crossing] / 2
    assert float(equal) == pytest.approx(float(equal_error_rate(scores, same)), abs=1e-6)


def test_of_searches_it_holds_fnir_at_fpir() -> None:
    scores, same = random_pairs(300)
    mated = scores[same].clone()
    mated[::5] = -torch.inf  # another came first
    found = det_curve(mated, scores[~same])
    for fpir in (0.01, 0.1, 0.5):
        allowed = found.false_rejects[found.false_accepts <= fpir].min()
        assert float(allowed) == pytest.approx(float(fnir_at_fpir(SearchScores(mated, scores[~same]), (fpir,))))
    assert float(found.false_rejects[-1]) == pytest.approx(len(mated[::5]) / len(mated))  # at any threshold


def test_refuses() -> None:
    some = torch.rand(3)
    with pytest.raises(ValueError, match="Expected genuine and impostor scores, got 3 and 0"):
        det_curve(some, some[:0])
    with pytest.raises(ValueError, match="Expected finite genuine scores, got NaN or infinity in 1 of 1, first at 0"):
        det_curve(torch.tensor([torch.nan]), some)
    with pytest.raises(ValueError, match="Expected finite impostor scores, got NaN or infinity in 1 of 1, first at 0"):
        det_curve(some, torch.tensor([-torch.inf]))
