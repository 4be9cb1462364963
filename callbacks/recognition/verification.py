"""Verification: are the faces of each pair one identity's?"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from callbacks.metrics import auc, equal_error_rate, fold_accuracies, operating_thresholds, tar_at_far
from callbacks.metrics.metric_checks import measurable
from callbacks.metrics.tar_at_far import FARS
from callbacks.recognition.measure_names import A_PAIR, with_interval
from callbacks.recognition.pair_identities import pair_identities
from callbacks.recognition.pair_scorer import PairScorer
from datamodules.seams.evaluation_protocol import VerificationPairs
from losses import decidability

BLOCK, TILE = 1 << 10, 1 << 9
"""Pairs scored at once, and neighbouring embeddings whose pairs follow each other: both stay near the processor."""


class Verified(NamedTuple):
    """What became of a condition's pairs."""

    scores: Tensor
    """``(N,)``: cosine similarities, or what a scorer makes of pairs."""
    same: Tensor
    """``(N,)`` bool."""
    measures: dict[str, float]
    """By name; NaN where there are too few pairs to tell."""


def verify(
    pairs: VerificationPairs,
    directions: Tensor,
    identities: Tensor | None = None,
    scorer: PairScorer | None = None,
) -> Verified:
    """Return scores and measures of listed pairs.

    Measures are ``pairs`` and ``genuine``, their numbers, and, where there are both kinds, ``eer``, ``auc``,
    ``decidability`` of the listed pairs' scores, ``tar@far=…`` and ``threshold@far=…`` with the interval
    ``threshold@far=…_low`` and ``…_high``; where there are folds, ``accuracy`` and ``accuracy_std`` over them.

    Args:
        pairs: Indices of embeddings.
        directions: Embeddings, L2-normalised, ``(N, D)``.
        identities: Of all embeddings, ``(N,)``; without, two are of one identity if a genuine pair says so.
        scorer: What scores pairs in place of cosine similarity; ``embeddings_a_pair`` is then among the measures, how
            many a pair takes, on average.
    """
    scores = pair_scores(pairs, directions) if scorer is None else scorer(pairs.first, pairs.second)
    listed = torch.arange(len(directions)) if identities is None else identities
    measures = pair_measures(pairs, scores, listed)
    if scorer is not None:
        measures[A_PAIR] = scorer.views * (2 + float(scorer.images(pairs.first, pairs.second).double().mean()))
    return Verified(scores, torch.from_numpy(pairs.same), measures)


def pair_measures(pairs: VerificationPairs, scores: Tensor, identities: Tensor) -> dict[str, float]:
    """Return the measures of :func:`verify` from the scores of pairs, ``(N,)``."""
    same = torch.from_numpy(pairs.same)
    measures = {"pairs": float(len(pairs)), "genuine": float(pairs.same.sum())}
    if 0 < measures["genuine"] < measures["pairs"]:
        if pairs.folds > 1:
            accuracies = fold_accuracies(scores, same, torch.from_numpy(pairs.fold))
            measures |= {"accuracy": float(accuracies.mean()), "accuracy_std": float(accuracies.std(correction=0))}
        measures |= _of_all_pairs(scores, same) | _thresholds(pairs, scores[~same], identities)
    return measures


def pair_scores(pairs: VerificationPairs, directions: Tensor) -> Tensor:
    """Return the cosine similarity of each pair, ``(N,)``, of L2-normalised embeddings ``(M, D)``.

    Pairs are taken tile by tile of the matrix of all similarities: most of the time is that of fetching embeddings.
    """
    first, second = torch.from_numpy(pairs.first), torch.from_numpy(pairs.second)
    tiles = len(directions) // TILE + 1
    order = (first // TILE * tiles + second // TILE).argsort()
    scores = directions.new_empty(len(pairs))
    for rows in torch.split(order, BLOCK):
        scores[rows] = directions[first[rows]].mul_(directions[second[rows]]).sum(1)
    return scores


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
