"""The equal error rate: golden values, agreement with scikit-learn and torchmetrics, invariances, refusals."""

import pytest
import torch
from sklearn.metrics import roc_curve
from torchmetrics.functional.classification import binary_eer

from callbacks.metrics import equal_error_rate
from tests.callbacks.metrics.samples import random_pairs


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("ties", [False, True])
def test_lies_where_sklearns_curves_cross(seed: int, ties: bool) -> None:
    scores, same = random_pairs(500, seed, ties=ties)
    false_accept, true_accept, _ = roc_curve(same, scores, drop_intermediate=False)
    crossing = abs(false_accept - (1 - true_accept)).argmin()
    expected = (false_accept[crossing] + 1 - true_accept[crossing]) / 2
    assert float(equal_error_rate(scores, same)) == pytest.approx(expected, abs=1e-6)
    assert float(equal_error_rate(scores, same)) == pytest.approx(
        float(binary_eer((scores + 1) / 2, same.long())), abs=1e-6
    )


def test_one_error_of_each_kind_among_four() -> None:
    scores = torch.tensor([0.9, 0.8, 0.7, 0.2, 0.6, 0.3, 0.1, 0.0])
    assert equal_error_rate(scores, torch.arange(8) < 4) == 0.25


def test_every_increasing_function_of_the_scores_gives_the_same() -> None:
    scores, same = random_pairs(300, ties=True)
    expected = equal_error_rate(scores, same)
    assert equal_error_rate(scores.double().exp() * 100 - 7, same) == pytest.approx(float(expected), abs=1e-7)
    assert equal_error_rate(scores.flip(0), same.flip(0)) == expected


def test_refuses_pairs_of_one_kind() -> None:
    with pytest.raises(ValueError, match="Expected genuine and impostor pairs, got 3 and 0"):
        equal_error_rate(torch.rand(3), torch.ones(3, dtype=torch.bool))
