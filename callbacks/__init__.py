"""Lightning callbacks: measures and figures of a run."""

from callbacks.figures import SampleFigures
from callbacks.occlusion_mapping import MapRefresh, OcclusionMapping
from callbacks.recognition import UnseenRecognition
from callbacks.segmentation_iou import SegmentationIoU

__all__ = ["MapRefresh", "OcclusionMapping", "SampleFigures", "SegmentationIoU", "UnseenRecognition"]
