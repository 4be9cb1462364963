"""Measures of recognition, as functions of embeddings and scores."""

from callbacks.metrics.decidability import gallery_decidability
from callbacks.metrics.identification import rank_1_accuracy
from callbacks.metrics.verification import best_threshold, equal_error_rate, fold_accuracies

__all__ = ["best_threshold", "equal_error_rate", "fold_accuracies", "gallery_decidability", "rank_1_accuracy"]
