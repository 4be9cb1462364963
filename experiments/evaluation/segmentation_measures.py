"""Measures of a segmentation over some images, each with an interval over whom the images show."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from callbacks.metrics import boundary_f, expected_calibration_error
from callbacks.metrics.identity_bootstrap import identity_weights, percentile_interval
from callbacks.recognition.measure_names import with_interval
from experiments.evaluation.segmentation_scores import SegmentationScores

REPLICATES = 1000
SEED = 0


def segmentation_conditions(
    scores: SegmentationScores, conditions: Mapping[str, NDArray[np.int64]], identities: NDArray[np.int64]
) -> dict[str, dict[str, float]]:
    """Return the measures of every condition.

    ``iou``, ``iou_clean`` and ``iou_occluded`` are over all pixels of the covered images together, ``boundary_f``
    is the mean over those with an outline, ``false_alarm`` is the share of the other images' pixels that are taken for
    an occluder, and ``calibration_error`` is of all images. Each has a 95 % interval, from drawing identities anew; an
    image of nobody known is its own. ``images`` and ``covered`` are their numbers.

    Args:
        scores: Of all images of a source.
        conditions: Images by condition.
        identities: Of all images, ``(N,)``.
    """
    return {name: _measures(scores, images, identities[images]) for name, images in conditions.items()}


def _measures(scores: SegmentationScores, images: NDArray[np.int64], identities: NDArray[np.int64]) -> dict[str, float]:
    chosen = scores.of(torch.from_numpy(images))
    plain = _weighted(chosen, torch.ones(1, len(images), dtype=torch.float64))
    drawn = [_weighted(chosen, w) for w in identity_weights(identities, identities, replicates=REPLICATES, seed=SEED)]
    covered = int((chosen.confusion[:, 1].sum(1) > 0).sum())
    measures: dict[str, float] = {"images": float(len(images)), "covered": float(covered)}
    for name, value in plain.items():
        if bool(value.isfinite()):
            bounds = percentile_interval(torch.cat([part[name] for part in drawn]))
            measures |= zip(with_interval(name), (float(value), *bounds), strict=True)
    return measures


def _weighted(scores: SegmentationScores, weights: Tensor) -> dict[str, Tensor]:
    """Return measures of images that count as often as their weights say, ``(R, N)``: ``(R,)`` each, NaN if of none."""
    covered = scores.confusion[:, 1].sum(1) > 0  # (N,)
    iou = _class_iou(torch.einsum("rn,nij->rij", weights * covered, scores.confusion))  # (R, 2)
    clean = torch.einsum("rn,nij->rij", weights * ~covered, scores.confusion)
    outlined = boundary_f(scores.boundary)
    has_outline = covered & ~outlined.isnan()
    total = (weights * has_outline).sum(1)
    measures = {
        "iou": iou.mean(1),
        "iou_clean": iou[:, 0],
        "iou_occluded": iou[:, 1],
        "boundary_f": (weights * has_outline) @ outlined.nan_to_num().double() / total,
        "false_alarm": clean[:, 0, 1] / clean.sum((1, 2)),
    }
    if scores.reliability is not None:
        counts = torch.einsum("rn,nkc->rkc", weights, scores.reliability)
        measures["calibration_error"] = expected_calibration_error(counts)
    return measures


def _class_iou(confusion: Tensor) -> Tensor:
    """Return the IoU of both classes, ``(R, 2)``: 1 for a class that never occurs, NaN without a pixel."""
    hits = confusion.diagonal(dim1=1, dim2=2)
    union = confusion.sum(1) + confusion.sum(2) - hits
    iou = torch.where(union == 0, 1.0, hits / union.clamp(min=1e-9))
    return torch.where(confusion.sum((1, 2))[:, None] > 0, iou, torch.nan)
