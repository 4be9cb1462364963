"""Curves of error versus discard of a protocol's conditions, their gains, and the figure of both."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from callbacks.figures.discard_figure import draw_discard
from callbacks.metrics.error_discard import discard_gain, error_versus_discard
from callbacks.metrics.identity_bootstrap import identity_weights, percentile_interval
from callbacks.recognition.measure_names import with_interval
from callbacks.recognition.pair_identities import pair_identities
from callbacks.recognition.recognise import Recognition
from datamodules.protocols import EvaluationProtocol
from experiments.evaluation.protocol_figures import draw_or_warn

DISCARDED = torch.linspace(0, 0.3, 31, dtype=torch.float64)
"""Shares of pairs: few systems can ask three of ten people to look into the camera once more."""
REPLICATES = 500
GAIN = "discard_gain"
FILE = "discard.png"
TOGETHER = "together"
"""The pairs of all conditions."""


class GenuinePairs(NamedTuple):
    """Genuine pairs of a condition."""

    first: NDArray[np.int64]
    """Image of each pair, ``(N,)``."""
    second: NDArray[np.int64]
    scores: Tensor
    """``(N,)``."""
    identity: NDArray[np.int64]
    """Who is shown."""


class DiscardCurves(NamedTuple):
    """Of a condition."""

    rates: Mapping[str, Tensor]
    """False reject rates at :data:`DISCARDED`, by quality."""
    gains: Mapping[str, tuple[float, float, float]]
    """Of :func:`~callbacks.metrics.error_discard.discard_gain`, with the bounds of its 95 % interval."""


def discard_curves(
    protocol: EvaluationProtocol, found: Recognition, qualities: Mapping[str, Tensor], *, first_error: float
) -> dict[str, DiscardCurves]:
    """Return the curves of each condition of pairs, and of all conditions together where there are several.

    A condition's threshold is the one at which its false reject rate is nearest to ``first_error``. Conditions without
    a rejected pair there have none.

    Args:
        protocol: What was compared with what.
        found: Scores.
        qualities: Of the images, ``(N,)`` each, by name.
        first_error: False reject rate before anything is discarded.
    """
    curves = {name: _curves(pairs, qualities, first_error) for name, pairs in _conditions(protocol, found).items()}
    return {name: one for name, one in curves.items() if one is not None}


def _conditions(protocol: EvaluationProtocol, found: Recognition) -> dict[str, GenuinePairs]:
    conditions = {name: _genuine(protocol, found, name) for name in found.verification}
    if len(conditions) > 1:
        every = [np.concatenate([getattr(one, name) for one in conditions.values()]) for name in ("first", "second")]
        _, once = np.unique(np.stack(every), axis=1, return_index=True)
        scores, identity = (
            torch.cat([one.scores for one in conditions.values()]),
            np.concatenate([one.identity for one in conditions.values()]),
        )
        conditions[TOGETHER] = GenuinePairs(every[0][once], every[1][once], scores[once], identity[once])
    return {name: pairs for name, pairs in conditions.items() if len(pairs.scores)}


def _genuine(protocol: EvaluationProtocol, found: Recognition, condition: str) -> GenuinePairs:
    pairs = protocol.verification[condition]
    identity, _ = pair_identities(pairs, protocol.identities)
    same = pairs.same
    return GenuinePairs(
        pairs.first[same],
        pairs.second[same],
        found.verification[condition].scores[torch.from_numpy(same)],
        identity[same],
    )


def _curves(pairs: GenuinePairs, qualities: Mapping[str, Tensor], first_error: float) -> DiscardCurves | None:
    ordered = pairs.scores.sort().values
    rejected = pairs.scores < ordered[min(round(first_error * len(ordered)), len(ordered) - 1)]
    if not rejected.any():
        return None
    rates, gains = {}, {}
    for name, quality in qualities.items():
        worse = torch.minimum(quality[torch.from_numpy(pairs.first)], quality[torch.from_numpy(pairs.second)])
        rates[name] = error_versus_discard(rejected, worse, DISCARDED)
        drawn = [
            discard_gain(error_versus_discard(rejected, worse, DISCARDED, weights), DISCARDED)
            for weights in identity_weights(pairs.identity, pairs.identity, replicates=REPLICATES, seed=0)
        ]
        interval = percentile_interval(torch.cat(drawn))
        gains[name] = (float(discard_gain(rates[name], DISCARDED)), *interval)
    return DiscardCurves(rates, gains)


def add_discards(
    rows: dict[str, dict[str, float]],
    protocol: EvaluationProtocol,
    found: Recognition,
    qualities: Mapping[str, Tensor],
    first_error: float,
) -> dict[str, DiscardCurves]:
    """Return the curves of :func:`discard_curves`, and add their gains to measures by condition."""
    curves = discard_curves(protocol, found, qualities, first_error=first_error) if qualities else {}
    for condition, one in curves.items():
        for quality, values in one.gains.items():
            rows.setdefault(condition, {}).update(zip(with_interval(f"{GAIN}, {quality}"), values, strict=True))
    return curves


def draw_discards(curves: Mapping[str, DiscardCurves], folder: Path) -> None:
    """Draw the curves, a panel for each condition; nothing where there are none."""
    if curves:
        drawn = {name: one.rates for name, one in curves.items()}
        draw_or_warn(folder / FILE, partial(draw_discard, drawn, DISCARDED))
