"""True accept rate at a false accept rate, never guessed."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from callbacks.metrics.metric_checks import acceptance_bounds, check_measurable, check_pairs, check_rates, measurable
from callbacks.metrics.pair_metric import PairMetric

FARS = (1e-4, 1e-3, 1e-2, 1e-1)


def tar_at_far(scores: Tensor, same: Tensor, fars: Sequence[float] = FARS) -> Tensor:
    """Return the share of genuine pairs accepted where impostor pairs are accepted as often as allowed, no more.

    Of all thresholds whose false accept rate does not exceed what is asked for, the one that accepts most is taken.
    Nothing is interpolated, and a rate below one in all impostor pairs is refused: it was not measured.

    Args:
        scores: Similarities, ``(N,)``, larger for more alike.
        same: Whether the pair shows one person, ``(N,)`` bool.
        fars: Largest false accept rates, ``F`` of them in ``(0, 1]``.

    Returns:
        True accept rates, ``(F,)``, float64.

    Raises:
        ValueError: If shapes differ, scores are not finite, there are no genuine or no impostor pairs, or a rate lies
            below 1 / number of impostor pairs.

    Example:
        >>> scores, same = torch.tensor([0.9, 0.6, 0.4, 0.7, 0.2]), torch.tensor([True, True, True, False, False])
        >>> tar_at_far(scores, same, (0.5, 1.0))
        tensor([1., 1.], dtype=torch.float64)
        >>> tar_at_far(scores, same, (0.1,))
        Traceback (most recent call last):
        ValueError: Expected `fars` of at least 1/2, one of 2 impostor pairs, got 0.1
    """
    check_pairs(scores, same)
    same = same.bool()
    impostor = scores[~same]
    check_measurable("fars", fars, len(impostor), "impostor pairs")
    bounds = acceptance_bounds(impostor, fars)  # (F,)
    return (scores[same] > bounds[:, None]).double().mean(1)


class TARAtFAR(PairMetric):
    """:func:`tar_at_far` of all pairs, NaN where it cannot be measured.

    After ``compute``, ``measurable`` says for each rate whether it could be: it is below 1 / ``impostors`` where not.

    Args:
        fars: Largest false accept rates, ``F`` of them in ``(0, 1]``.
        kwargs: Of :class:`torchmetrics.Metric`.

    Raises:
        ValueError: If a rate is not in ``(0, 1]``.

    Example:
        >>> metric = TARAtFAR(fars=(0.1, 0.5))
        >>> metric.update(torch.tensor([0.9, 0.6, 0.7, 0.2]), torch.tensor([True, True, False, False]))
        >>> metric.compute(), metric.measurable, metric.impostors
        (tensor([nan, 1.], dtype=torch.float64), (False, True), 2)
    """

    higher_is_better = True

    def __init__(self, fars: Sequence[float] = FARS, **kwargs: Any) -> None:
        check_rates("fars", fars)
        super().__init__(**kwargs)
        self.fars = tuple(fars)
        self.impostors = 0
        self.measurable: tuple[bool, ...] = (False,) * len(self.fars)

    def compute(self) -> Tensor:
        """Return the true accept rates, ``(F,)``."""
        scores, same = self.pairs()
        self.impostors = int((~same).sum())
        self.measurable = tuple(measurable(self.fars, self.impostors))
        rates = torch.full((len(self.fars),), torch.nan, dtype=torch.double, device=scores.device)
        if asked := [far for far, possible in zip(self.fars, self.measurable, strict=True) if possible]:
            rates[torch.tensor(self.measurable)] = tar_at_far(scores, same, asked)
        return rates
