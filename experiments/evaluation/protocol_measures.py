"""The measures of a protocol, from the embeddings of its images."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from callbacks.metrics import auc, cmc, equal_error_rate, fold_accuracies, roc_band, roc_curve, tar_at_far
from callbacks.metrics.directions import rescaled
from callbacks.metrics.metric_checks import measurable
from callbacks.metrics.tar_at_far import FARS
from datamodules.errors import DataError
from datamodules.protocols import EvaluationProtocol, Identification, VerificationPairs
from experiments.first_process import warn
from losses import decidability

MAX_RANK = 20
COUNTS = ("pairs", "genuine", "gallery", "probes", "covered")
"""Measures that are numbers of things."""
UNDEFINED = ("tar@far=", "decidability")
"""How measures begin that may not be measurable: of too few impostors, of scores that do not vary."""


class Verification(NamedTuple):
    """What became of a condition's pairs."""

    scores: Tensor
    """``(N,)``: cosine similarities."""
    same: Tensor
    """``(N,)`` bool."""
    measures: dict[str, float]
    """By name; NaN where there are too few pairs to tell."""


class Identified(NamedTuple):
    """What became of a condition's probes."""

    cmc: Tensor
    """``(MAX_RANK,)`` or as many as there are people."""
    measures: dict[str, float]


class Evaluation(NamedTuple):
    """All conditions of a protocol."""

    verification: dict[str, Verification]
    identification: dict[str, Identified]

    def rows(self) -> dict[str, dict[str, float]]:
        """Return the measures by condition; a condition may be verified and identified."""
        rows: dict[str, dict[str, float]] = {}
        for part in (self.verification, self.identification):
            for condition, found in part.items():
                rows.setdefault(condition, {}).update(found.measures)
        return rows


def evaluate_protocol(protocol: EvaluationProtocol, embeddings: NDArray[np.float32]) -> Evaluation:
    """Return the measures of every condition.

    Args:
        protocol: What is compared with what.
        embeddings: One row for each image of its source, ``(N, D)``.

    Raises:
        DataError: If an embedding is not finite: the first such image is named. One of zeros is warned of.
    """
    directions = normalize(rescaled(torch.from_numpy(np.ascontiguousarray(embeddings))))  # (N, D)
    _check_directions(protocol, directions)
    return Evaluation(
        {condition: verify(pairs, directions) for condition, pairs in protocol.verification.items()},
        {
            condition: identify(faces, directions, torch.from_numpy(protocol.source.identities))
            for condition, faces in protocol.identification.items()
        },
    )


def verify(pairs: VerificationPairs, directions: Tensor) -> Verification:
    """Return scores and measures of pairs of L2-normalised embeddings ``(N, D)``."""
    scores = torch.cat(
        [
            (directions[first] * directions[second]).sum(1)
            for first, second in zip(_blocks(pairs.first), _blocks(pairs.second), strict=True)
        ]
    )
    same = torch.from_numpy(pairs.same)
    measures = {"pairs": float(len(pairs)), "genuine": float(pairs.same.sum())}
    if 0 < measures["genuine"] < measures["pairs"]:
        measures |= _verification_measures(scores, same, torch.from_numpy(pairs.fold), pairs.folds)
    return Verification(scores, same, measures)


def identify(faces: Identification, directions: Tensor, identities: Tensor) -> Identified:
    """Return the cumulative match characteristic of probes against a gallery."""
    gallery, probes = torch.from_numpy(faces.gallery), torch.from_numpy(faces.probes)
    people = len(torch.unique(identities[gallery]))
    rates = cmc(
        directions[gallery],
        identities[gallery],
        directions[probes],
        identities[probes],
        max_rank=min(MAX_RANK, people),
    )
    ranks = {f"rank{k}": float(rates[k - 1]) for k in (1, 5, 10) if k <= len(rates)}
    return Identified(rates, {"gallery": float(len(gallery)), "probes": float(len(probes)), **ranks})


def curve(verification: Verification) -> tuple[Tensor, Tensor]:
    """Return false accept and true accept rates of all thresholds."""
    rates = roc_curve(verification.scores, verification.same, drop_intermediate=True)
    return rates[0], rates[1]


def band(verification: Verification, fars: tuple[float, ...], *, resamples: int = 200) -> tuple[Tensor, Tensor]:
    """Return bootstrap bounds of the true accept rates at rates that can be measured."""
    return roc_band(verification.scores, verification.same, fars, resamples=resamples)


def _verification_measures(scores: Tensor, same: Tensor, fold: Tensor, folds: int) -> dict[str, float]:
    measures = {}
    if folds > 1:
        accuracies = fold_accuracies(scores, same, fold)
        measures = {"accuracy": float(accuracies.mean()), "accuracy_std": float(accuracies.std(correction=0))}
    measures |= {
        "eer": float(equal_error_rate(scores, same)),
        "auc": float(auc(scores, same)),
        "decidability": float(decidability(scores[same], scores[~same])),
    }
    impostors = int((~same).sum())
    for far, possible in zip(FARS, measurable(FARS, impostors), strict=True):
        measures[f"tar@far={far:g}"] = float(tar_at_far(scores, same, (far,))) if possible else math.nan
    return measures


def _check_directions(protocol: EvaluationProtocol, directions: Tensor) -> None:
    """Refuse what is not finite, and warn of embeddings of zeros, which are alike to nobody."""
    lengths = directions.norm(dim=1)  # (N,): 1, 0 or NaN
    if bad := torch.nonzero(~lengths.isfinite()).flatten().tolist():
        raise DataError(
            f"{protocol.source.name(bad[0])}: expected a finite embedding, got NaN or infinity ({_of(bad, lengths)})"
        )
    if zero := torch.nonzero(lengths == 0).flatten().tolist():
        warn(f"{protocol.source.name(zero[0])}: its embedding is all zeros and alike to nobody ({_of(zero, lengths)})")


def _of(found: list[int], every: Tensor) -> str:
    return f"{len(found):,} of {len(every):,} images"


def _blocks(indices: NDArray[np.int64], size: int = 1 << 16) -> list[Tensor]:
    return list(torch.split(torch.from_numpy(indices), size))


def readable(rows: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float | None]]:
    """Return measures as JSON has them: ``None`` where one is not measurable.

    Raises:
        ValueError: If another is not finite: that is no result.
    """
    return {
        condition: {name: _number(condition, name, value) for name, value in found.items()}
        for condition, found in rows.items()
    }


def _number(condition: str, name: str, value: float) -> float | None:
    if math.isfinite(value):
        return round(value, 6)
    if name.startswith(UNDEFINED):
        return None
    raise ValueError(f"Expected a finite {name} of {condition}, got {value}")
