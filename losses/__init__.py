"""Losses in plain torch: each a function and a thin module of the same name."""

from typing import TYPE_CHECKING

from losses.lazy import export_lazily

if TYPE_CHECKING:
    from losses.batch_triplet import BatchTripletLoss, batch_triplet_loss
    from losses.decidability import decidability
    from losses.distance_loss import DistanceLoss
    from losses.distances import squared_distances, triplet_distances
    from losses.embedding_distillation import EmbeddingDistillationLoss, embedding_distillation_loss
    from losses.mining import Strategy, Triplets, active_share, mine_triplets
    from losses.occlusion_pattern import (
        OcclusionPatternLoss,
        occlusion_pattern_loss,
        occlusion_patterns,
        pattern_count,
    )
    from losses.segmentation import SegmentationLoss, segmentation_loss
    from losses.triplet import TripletLoss, triplet_loss

__all__ = [
    "BatchTripletLoss",
    "DistanceLoss",
    "EmbeddingDistillationLoss",
    "OcclusionPatternLoss",
    "SegmentationLoss",
    "Strategy",
    "TripletLoss",
    "Triplets",
    "active_share",
    "batch_triplet_loss",
    "decidability",
    "embedding_distillation_loss",
    "mine_triplets",
    "occlusion_pattern_loss",
    "occlusion_patterns",
    "pattern_count",
    "segmentation_loss",
    "squared_distances",
    "triplet_distances",
    "triplet_loss",
]

export_lazily(__name__)
