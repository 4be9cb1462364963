"""Measures of recognition and segmentation: functions of tensors."""

from typing import TYPE_CHECKING

from losses.lazy import export_lazily

if TYPE_CHECKING:
    from callbacks.metrics.auc import auc
    from callbacks.metrics.boundary_f import boundary_counts, boundary_f
    from callbacks.metrics.cmc import cmc
    from callbacks.metrics.det import DetCurve, det_curve
    from callbacks.metrics.equal_error_rate import equal_error_rate
    from callbacks.metrics.fold_accuracy import best_threshold, fold_accuracies
    from callbacks.metrics.gallery_decidability import gallery_decidability
    from callbacks.metrics.gallery_search import search
    from callbacks.metrics.iou import class_iou, confusion_matrices
    from callbacks.metrics.mates import mates
    from callbacks.metrics.open_set import SearchScores, fnir_at_fpir, open_set_identification, search_scores
    from callbacks.metrics.operating_threshold import OperatingThresholds, operating_thresholds
    from callbacks.metrics.realised_rates import Realised, rates_at_threshold, realised_rate
    from callbacks.metrics.reliability import expected_calibration_error, reliability_counts
    from callbacks.metrics.roc import roc_curve
    from callbacks.metrics.roc_band import roc_band
    from callbacks.metrics.tar_at_far import tar_at_far

__all__ = [
    "DetCurve",
    "OperatingThresholds",
    "Realised",
    "SearchScores",
    "auc",
    "best_threshold",
    "boundary_counts",
    "boundary_f",
    "class_iou",
    "cmc",
    "confusion_matrices",
    "det_curve",
    "equal_error_rate",
    "expected_calibration_error",
    "fnir_at_fpir",
    "fold_accuracies",
    "gallery_decidability",
    "mates",
    "open_set_identification",
    "operating_thresholds",
    "rates_at_threshold",
    "realised_rate",
    "reliability_counts",
    "roc_band",
    "roc_curve",
    "search",
    "search_scores",
    "tar_at_far",
]

export_lazily(__name__)
