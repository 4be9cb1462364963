"""What a segmentation of a protocol's images is worth, image by image: small counts, of which all measures are made."""

from typing import NamedTuple

import torch
from torch import Tensor

from callbacks.metrics import boundary_counts, confusion_matrices, reliability_counts
from callbacks.metrics.reliability import BINS
from datamodules.plain_faces import LabelledFaces
from datamodules.seams.face_batch import FaceBatch
from datamodules.seams.face_source import FaceSource
from experiments.evaluation.face_outputs import Computing, Extraction, OutputCollector
from lightning_modules.outputs import StepOutput


class SegmentationScores(NamedTuple):
    """Counts of pixels of N images."""

    confusion: Tensor
    """``(N, 2, 2)`` float64, rows are the truth."""
    boundary: Tensor
    """``(N, 4)`` float64, see :func:`~callbacks.metrics.boundary_f.boundary_counts`."""
    reliability: Tensor | None
    """``(N, K, 3)`` float64, see :func:`~callbacks.metrics.reliability.reliability_counts`; ``None`` where a model says
    no probability."""

    def of(self, images: Tensor) -> "SegmentationScores":
        """Return those of some images, ``(n,)``."""
        reliability = None if self.reliability is None else self.reliability[images]
        return SegmentationScores(self.confusion[images], self.boundary[images], reliability)


def segmentation_scores(extraction: Extraction, source: FaceSource, computing: Computing) -> SegmentationScores:
    """Return the counts of all images of a source.

    Args:
        extraction: What segments.
        source: The images; it has label maps.
        computing: How.

    Raises:
        DataError: If an image or a label map cannot be read.
        ValueError: If a segmentation is not of the images' size, or a probability is none.
    """
    collector = OutputCollector("segmentation", _counts, computing)
    found = collector.values(extraction, LabelledFaces(source, extraction.image_size))  # (N, 8 or 8 + 3 K)
    confusion, boundary, reliability = found[:, :4].view(-1, 2, 2), found[:, 4:8], found[:, 8:]
    return SegmentationScores(
        confusion, boundary, reliability.view(len(found), BINS, 3) if reliability.numel() else None
    )


def _counts(outputs: StepOutput, batch: FaceBatch) -> Tensor:
    segmentation, mask = outputs["segmentation"], batch["mask"]
    parts = [confusion_matrices(segmentation, mask), boundary_counts(segmentation, mask)]
    if "occluder_probability" in outputs:
        parts.append(reliability_counts(outputs["occluder_probability"].float(), mask))
    return torch.cat([part.flatten(1).double() for part in parts], 1)
