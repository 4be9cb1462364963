"""Lightning callbacks: measures and figures of a run."""

from typing import TYPE_CHECKING

from losses.lazy import export_lazily

if TYPE_CHECKING:
    from callbacks.figures.sample_figures import SampleFigures
    from callbacks.history import History
    from callbacks.map_refresh import MapRefresh
    from callbacks.occlusion_mapping import OcclusionMapping
    from callbacks.recognition.unseen_recognition import UnseenRecognition
    from callbacks.score_distributions import ScoreDistributions
    from callbacks.segmentation_iou import SegmentationIoU
    from callbacks.triplet_statistics import TripletStatistics
    from callbacks.verification_mapping import VerificationMapping

__all__ = [
    "History",
    "MapRefresh",
    "OcclusionMapping",
    "SampleFigures",
    "ScoreDistributions",
    "SegmentationIoU",
    "TripletStatistics",
    "UnseenRecognition",
    "VerificationMapping",
]

export_lazily(__name__)
