"""Thresholds at which a model decides, and the errors that it makes there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from callbacks.metrics import operating_thresholds
from callbacks.metrics.metric_checks import measurable

FARS = (0.1, 0.01, 0.001)
"""False accept rates that are told."""


class DecisionPoint(NamedTuple):
    """A threshold and its errors."""

    far: float
    """Share of impostor pairs that may be accepted."""
    threshold: float
    """A score that reaches it is accepted."""
    frr: float
    """Share of genuine pairs that are refused there."""


@dataclass(frozen=True)
class Decisions:
    """Thresholds of one kind of score."""

    protocol: str
    pairs: str
    """What was compared, in words."""
    genuine: int
    impostor: int
    points: Sequence[DecisionPoint]

    def at(self, far: float) -> DecisionPoint | None:
        """Return the threshold of a rate; ``None`` where there were too few pairs to measure it."""
        return next((point for point in self.points if point.far == far), None)


class ModelDecisions(NamedTuple):
    """Of one model."""

    clean: Decisions
    """Plain scores of pairs as the protocol's first condition has them."""
    covered: Decisions | None
    """Plain scores of pairs of which one is covered."""
    matched: Decisions | None
    """Matched scores of the same."""


def decisions(protocol: str, pairs: str, scores: Tensor, same: NDArray[np.bool_]) -> Decisions:
    """Return the thresholds of pairs' scores, ``(N,)``, at the rates that there are enough impostors for.

    Example:
        >>> scores, same = torch.tensor([0.9, 0.4, 0.5, *[0.1] * 9]), np.array([True, True, *[False] * 10])
        >>> point = decisions("toy", "pairs", scores, same).at(0.1)
        >>> round(point.threshold, 3), point.frr
        (0.1, 0.0)
    """
    genuine, impostor = scores[torch.from_numpy(same)], scores[torch.from_numpy(~same)]
    fars = [far for far, possible in zip(FARS, measurable(FARS, len(impostor)), strict=True) if possible]
    found = operating_thresholds(impostor, fars).threshold.tolist() if fars else []
    points = [
        DecisionPoint(far, threshold, float((genuine < threshold).double().mean()))
        for far, threshold in zip(fars, found, strict=True)
    ]
    return Decisions(protocol, pairs, len(genuine), len(impostor), points)
