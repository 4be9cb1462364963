"""Verification: are the faces of each pair one identity's?"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from callbacks.metrics import auc, equal_error_rate, fold_accuracies, operating_thresholds, tar_at_far
from callbacks.metrics.metric_checks import measurable
from callbacks.metrics.tar_at_far import FARS
from callbacks.recognition.measure_names import with_interval
from callbacks.recognition.pair_identities import pair_identities
from datamodules.seams.evaluation_protocol import VerificationPairs
from losses import decidability

BLOCK = 1 << 13
"""Pairs scored at once: what is gathered stays near the processor."""


class Verified(NamedTuple):
    """What became of a condition's pairs."""

    scores: Tensor
    """``(N,)``: cosine similarities."""
    same: Tensor
    """``(N,)`` bool."""
    measures: dict[str, float]
    """By name; NaN where there are too few pairs to tell."""


def verify(pairs: VerificationPairs, directions: Tensor, identities: Tensor | None = None) -> Verified:
    """Return scores and measures of listed pairs.

    Measures are ``pairs`` and ``genuine``, their numbers, and, where there are both kinds, ``eer``, ``auc``,
    ``decidability`` of the listed pairs' scores, ``tar@far=…`` and ``threshold@far=…`` with the interval
    ``threshold@far=…_low`` and ``…_high``; where there are folds, ``accuracy`` and ``accuracy_std`` over them.

    Args:
        pairs: Indices of embeddings.
        directions: Embeddings, L2-normalised, ``(N, D)``.
        identities: Of all embeddings, ``(N,)``; without, two are of one identity if a genuine pair says so.
    """
    scores = pair_scores(pairs, directions)
    same = torch.from_numpy(pairs.same)
    measures = {"pairs": float(len(pairs)), "genuine": float(pairs.same.sum())}
    if 0 < measures["genuine"] < measures["pairs"]:
        if pairs.folds > 1:
            accuracies = fold_accuracies(scores, same, torch.from_numpy(pairs.fold))
            measures |= {"accuracy": float(accuracies.mean()), "accuracy_std": float(accuracies.std(correction=0))}
        listed = torch.arange(len(directions)) if identities is None else identities
        measures |= _of_all_pairs(scores, same) | _thresholds(pairs, scores[~same], listed)
    return Verified(scores, same, measures)


def pair_scores(pairs: VerificationPairs, directions: Tensor) -> Tensor:
    """Return the cosine similarity of each pair, ``(N,)``, of L2-normalised embeddings ``(M, D)``."""
    ends = (torch.split(torch.from_numpy(indices), BLOCK) for indices in (pairs.first, pairs.second))
    blocks = zip(*ends, strict=True)
    return torch.cat([(directions[first] * directions[second]).sum(1) for first, second in blocks])


def _of_all_pairs(scores: Tensor, same: Tensor) -> dict[str, float]:
    measures = {
        "eer": float(equal_error_rate(scores, same)),
        "auc": float(auc(scores, same)),
        "decidability": float(decidability(scores[same], scores[~same])),
    }
    fars = _measurable(int((~same).sum()))
    rates = dict(zip(fars, tar_at_far(scores, same, fars).tolist() if fars else [], strict=True))
    return measures | {f"tar@far={far:g}": rates.get(far, math.nan) for far in FARS}


def _thresholds(pairs: VerificationPairs, impostor: Tensor, identities: Tensor) -> dict[str, float]:
    first, second = (torch.from_numpy(of[~pairs.same]) for of in pair_identities(pairs, identities.numpy()))
    measures = {name: math.nan for far in FARS for name in with_interval(f"threshold@far={far:g}")}
    if fars := _measurable(len(impostor)):
        found = operating_thresholds(impostor, fars, first=first, second=second)
        for far, *values in zip(fars, *(bounds.tolist() for bounds in found), strict=True):
            measures |= zip(with_interval(f"threshold@far={far:g}"), values, strict=True)
    return measures


def _measurable(impostors: int) -> list[float]:
    return [far for far, possible in zip(FARS, measurable(FARS, impostors), strict=True) if possible]
