"""The receiver operating characteristic and its area: golden values, scikit-learn with ties, invariances, refusals."""

from collections.abc import Callable

import pytest
import torch
from sklearn import metrics as sklearn_metrics
from torch import Tensor
from torch.testing import assert_close

from callbacks.metrics import auc, roc_curve
from tests.callbacks.metrics.samples import random_pairs


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("drop_intermediate", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_curve_equals_sklearns(seed: int, drop_intermediate: bool, ties: bool) -> None:
    scores, same = random_pairs(500, seed, ties=ties)
    found = roc_curve(scores.double(), same, drop_intermediate=drop_intermediate)
    expected = sklearn_metrics.roc_curve(same, scores.double(), drop_intermediate=drop_intermediate)
    for ours, theirs in zip(found, expected, strict=True):
        assert_close(ours, torch.from_numpy(theirs), rtol=0, atol=1e-12)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_area_equals_sklearns(seed: int, ties: bool) -> None:
    scores, same = random_pairs(1000, seed, ties=ties)
    expected = sklearn_metrics.roc_auc_score(same, scores.double())
    assert float(auc(scores.double(), same)) == pytest.approx(expected, abs=1e-12)


def test_area_is_the_share_of_comparisons_won() -> None:
    scores, same = torch.tensor([0.9, 0.5, 0.5, 0.1]), torch.tensor([True, True, False, False])
    assert auc(scores, same) == (1 + 1 + 0.5 + 1) / 4


def test_equal_scores_tell_nothing() -> None:
    assert auc(torch.zeros(5), torch.arange(5) < 2) == 0.5


def test_order_and_increasing_functions_change_no_rate() -> None:
    scores, same = random_pairs(300, ties=True)
    far, tar, _ = roc_curve(scores, same)
    order = torch.randperm(300, generator=torch.Generator().manual_seed(1))
    for changed, kinds in ((scores[order], same[order]), (scores.double().exp(), same)):
        found = roc_curve(changed, kinds)
        assert torch.equal(found[0], far)
        assert torch.equal(found[1], tar)
        assert auc(changed, kinds) == auc(scores, same)


@pytest.mark.parametrize("function", [roc_curve, auc])
@pytest.mark.parametrize(
    ("scores", "same", "message"),
    [
        pytest.param(torch.rand(4), torch.ones(4), "genuine and impostor pairs, got 4 and 0", id="no-impostor"),
        pytest.param(torch.rand(4), torch.zeros(4), "genuine and impostor pairs, got 0 and 4", id="no-genuine"),
        pytest.param(torch.rand(0), torch.zeros(0), "genuine and impostor pairs, got 0 and 0", id="nothing"),
        pytest.param(torch.rand(4), torch.zeros(3), r"one shape \(N,\), got \(4,\) and \(3,\)", id="shapes"),
        pytest.param(torch.tensor([0, torch.nan, 1]), torch.arange(3), "NaN or infinity in 1 of 3", id="nan"),
    ],
)
def test_refuses(function: Callable[..., object], scores: Tensor, same: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        function(scores, same.bool())
