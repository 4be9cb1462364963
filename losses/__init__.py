"""Losses in plain torch: each a function and a thin module of the same name."""

from losses.segmentation import SegmentationLoss, segmentation_loss

__all__ = ["SegmentationLoss", "segmentation_loss"]
