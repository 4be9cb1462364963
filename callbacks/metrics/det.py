"""The detection error tradeoff, exact."""

from typing import NamedTuple

import torch
from torch import Tensor

from callbacks.metrics.metric_checks import check_finite


class DetCurve(NamedTuple):
    """Error rates at all thresholds, descending ones, ``(T,)`` float64 each."""

    false_accepts: Tensor
    false_rejects: Tensor


def det_curve(genuine: Tensor, impostor: Tensor) -> DetCurve:
    """Return false accept and false reject rates at all thresholds, from the threshold infinity to the lowest score.

    A score is accepted if it reaches the threshold, so that false rejects are 1 − true accepts of
    :func:`~callbacks.metrics.roc_curve`. Of an open set, with the similarities of mated and unmated searches
    (:class:`~callbacks.metrics.open_set.SearchScores`), they are FPIR and FNIR.

    Source: Martin et al. 1997, "The DET curve in assessment of detection task performance"; ISO/IEC 19795-1.

    Args:
        genuine: Scores that should be accepted, ``(G,)``; minus infinity for one that no threshold accepts.
        impostor: Scores that should be refused, ``(I,)``.

    Raises:
        ValueError: If there are none of a kind, or a score is NaN or infinite.

    Example:
        >>> curve = det_curve(torch.tensor([0.9, 0.5]), torch.tensor([0.5, 0.1]))
        >>> curve.false_accepts.tolist(), curve.false_rejects.tolist()
        ([0.0, 0.0, 0.5, 1.0], [1.0, 0.5, 0.0, 0.0])
    """
    if not len(genuine) or not len(impostor):
        raise ValueError(f"Expected genuine and impostor scores, got {len(genuine)} and {len(impostor)}")
    check_finite("genuine scores", ~(genuine.isnan() | genuine.isposinf()))
    check_finite("impostor scores", impostor.isfinite())
    changes = torch.unique(torch.cat([genuine, impostor])).flip(0)
    thresholds = torch.cat([changes.new_tensor([torch.inf]), changes[changes > -torch.inf]])
    rejected = [torch.searchsorted(kind.sort().values, thresholds) for kind in (genuine, impostor)]
    return DetCurve((len(impostor) - rejected[1]).double() / len(impostor), rejected[0].double() / len(genuine))
