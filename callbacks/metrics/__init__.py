"""Measures of recognition and segmentation: functions, and metrics that gather what several processes saw."""

from callbacks.metrics.auc import AUC, auc
from callbacks.metrics.decidability import Decidability, gallery_decidability
from callbacks.metrics.equal_error_rate import EqualErrorRate, equal_error_rate
from callbacks.metrics.identification import rank_1_accuracy
from callbacks.metrics.roc import ROC, roc_curve
from callbacks.metrics.roc_band import ROCBand, roc_band
from callbacks.metrics.search import search
from callbacks.metrics.tar_at_far import TARAtFAR, tar_at_far
from callbacks.metrics.verification import FoldAccuracy, best_threshold, fold_accuracies

__all__ = [
    "AUC",
    "ROC",
    "Decidability",
    "EqualErrorRate",
    "FoldAccuracy",
    "ROCBand",
    "TARAtFAR",
    "auc",
    "best_threshold",
    "equal_error_rate",
    "fold_accuracies",
    "gallery_decidability",
    "rank_1_accuracy",
    "roc_band",
    "roc_curve",
    "search",
    "tar_at_far",
]
