"""Verification: are the faces of each pair one identity's?"""

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from callbacks.metrics import auc, equal_error_rate, fold_accuracies, tar_at_far
from callbacks.metrics.metric_checks import measurable
from callbacks.metrics.tar_at_far import FARS
from datamodules.seams.evaluation_protocol import VerificationPairs
from losses import decidability


class Verified(NamedTuple):
    """What became of a condition's pairs."""

    scores: Tensor
    """``(N,)``: cosine similarities."""
    same: Tensor
    """``(N,)`` bool."""
    measures: dict[str, float]
    """By name; NaN where there are too few pairs to tell."""


def verify(pairs: VerificationPairs, directions: Tensor) -> Verified:
    """Return scores and measures of listed pairs.

    Measures are ``pairs`` and ``genuine``, their numbers, and, where there are both kinds, ``eer``, ``auc``,
    ``decidability`` of the listed pairs' scores and ``tar@far=…``; where there are folds, ``accuracy`` and
    ``accuracy_std`` over them.

    Args:
        pairs: Indices of embeddings.
        directions: Embeddings, L2-normalised, ``(N, D)``.
    """
    scores = torch.cat(
        [
            (directions[first] * directions[second]).sum(1)
            for first, second in zip(_blocks(pairs.first), _blocks(pairs.second), strict=True)
        ]
    )
    same = torch.from_numpy(pairs.same)
    measures = {"pairs": float(len(pairs)), "genuine": float(pairs.same.sum())}
    if 0 < measures["genuine"] < measures["pairs"]:
        if pairs.folds > 1:
            accuracies = fold_accuracies(scores, same, torch.from_numpy(pairs.fold))
            measures |= {"accuracy": float(accuracies.mean()), "accuracy_std": float(accuracies.std(correction=0))}
        measures |= _of_all_pairs(scores, same)
    return Verified(scores, same, measures)


def _of_all_pairs(scores: Tensor, same: Tensor) -> dict[str, float]:
    measures = {
        "eer": float(equal_error_rate(scores, same)),
        "auc": float(auc(scores, same)),
        "decidability": float(decidability(scores[same], scores[~same])),
    }
    for far, possible in zip(FARS, measurable(FARS, int((~same).sum())), strict=True):
        measures[f"tar@far={far:g}"] = float(tar_at_far(scores, same, (far,))) if possible else math.nan
    return measures


def _blocks(indices: NDArray[np.int64], size: int = 1 << 16) -> list[Tensor]:
    return list(torch.split(torch.from_numpy(indices), size))
