"""Measures of recognition and segmentation: functions, and metrics that gather what several processes saw."""

from typing import TYPE_CHECKING

from losses.lazy import export_lazily

if TYPE_CHECKING:
    from callbacks.metrics.auc import AUC, auc
    from callbacks.metrics.cmc import CMC, RankK, cmc, rank_k
    from callbacks.metrics.decidability import Decidability, gallery_decidability
    from callbacks.metrics.equal_error_rate import EqualErrorRate, equal_error_rate
    from callbacks.metrics.face_metric import Embeddings
    from callbacks.metrics.identification import rank_1_accuracy
    from callbacks.metrics.iou import IoU, class_iou, confusion_matrices
    from callbacks.metrics.mates import mates
    from callbacks.metrics.open_set import (
        OpenSetIdentification,
        fnir_at_fpir,
        open_set_identification,
        search_scores,
    )
    from callbacks.metrics.roc import ROC, roc_curve
    from callbacks.metrics.roc_band import ROCBand, roc_band
    from callbacks.metrics.search import search
    from callbacks.metrics.tar_at_far import TARAtFAR, tar_at_far
    from callbacks.metrics.verification import FoldAccuracy, best_threshold, fold_accuracies

__all__ = [
    "AUC",
    "CMC",
    "ROC",
    "Decidability",
    "Embeddings",
    "EqualErrorRate",
    "FoldAccuracy",
    "IoU",
    "OpenSetIdentification",
    "ROCBand",
    "RankK",
    "TARAtFAR",
    "auc",
    "best_threshold",
    "class_iou",
    "cmc",
    "confusion_matrices",
    "equal_error_rate",
    "fnir_at_fpir",
    "fold_accuracies",
    "gallery_decidability",
    "mates",
    "open_set_identification",
    "rank_1_accuracy",
    "rank_k",
    "roc_band",
    "roc_curve",
    "search",
    "search_scores",
    "tar_at_far",
]

export_lazily(__name__)
