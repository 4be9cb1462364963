"""Lightning callbacks: measures and figures of a run."""

from callbacks.figures import SampleFigures
from callbacks.recognition import UnseenRecognition
from callbacks.segmentation_iou import SegmentationIoU

__all__ = ["SampleFigures", "SegmentationIoU", "UnseenRecognition"]
