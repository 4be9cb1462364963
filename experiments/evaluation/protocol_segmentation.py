"""The segmentation of a protocol's images against its label maps: IoU by condition, as in a training's test."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from callbacks.metrics import confusion_matrices
from callbacks.row_collector import Rows
from callbacks.segmentation_iou import segmentation_measures
from datamodules.plain_faces import LabelledFaces
from datamodules.protocols import EvaluationProtocol
from datamodules.seams.face_batch import FaceBatch
from datamodules.seams.face_source import FaceSource
from experiments.evaluation.face_outputs import Computing, Extraction, OutputCollector
from experiments.evaluation.segmentation_measures import segmentation_conditions
from experiments.evaluation.segmentation_scores import SegmentationScores, segmentation_scores
from lightning_modules.outputs import StepOutput

NAMES = {"mean": "iou", "clean": "iou_clean", "occluded": "iou_occluded", "false_alarm": "false_alarm"}
"""What the test callback's measures are called beside others."""


class Segmented(NamedTuple):
    """What became of segmenting a protocol's images."""

    rows: dict[str, dict[str, float]]
    """Measures by condition."""
    scores: SegmentationScores | None = None
    """Of each image, where the protocol is one of segmentation."""


def segmented_rows(extraction: Extraction, protocol: EvaluationProtocol, computing: Computing) -> Segmented:
    """Segment a protocol's images and return its measures: IoU where faces are compared, else all that there are.

    Args:
        extraction: What segments.
        protocol: Its source has label maps.
        computing: How.

    Raises:
        DataError: If an image or a label map cannot be read.
    """
    if not protocol.segmentation:
        return Segmented(segmentation_rows(protocol, segment(extraction, protocol.source, computing)))
    scores = segmentation_scores(extraction, protocol.source, computing)
    rows = segmentation_conditions(scores, protocol.segmentation, protocol.source.identities)
    return Segmented(rows, scores)


def segment(extraction: Extraction, source: FaceSource, computing: Computing) -> NDArray[np.int64]:
    """Return the confusion matrix of every image's pixels, ``(N, 2, 2)``, rows are the truth.

    Args:
        extraction: What segments.
        source: The images; it has label maps.
        computing: How.

    Raises:
        DataError: If an image or a label map cannot be read.
    """

    def compared(outputs: StepOutput, batch: FaceBatch) -> Tensor:
        return confusion_matrices(outputs["segmentation"], batch["mask"])

    collector = OutputCollector("segmentation", compared, computing)
    faces = LabelledFaces(source, extraction.image_size)
    matrices: NDArray[np.int64] = collector.values(extraction, faces).numpy()
    return matrices


def segmentation_rows(protocol: EvaluationProtocol, confusion: NDArray[np.int64]) -> dict[str, dict[str, float]]:
    """Return the IoU of each condition over all pixels of its covered faces, and the false alarms on the others.

    Args:
        protocol: Its conditions say which images belong together.
        confusion: Of every image of its source, ``(N, 2, 2)``.
    """
    images: dict[str, list[NDArray[np.int64]]] = {}
    for condition, pairs in protocol.verification.items():
        images.setdefault(condition, []).extend((pairs.first, pairs.second))
    for condition, faces in protocol.identification.items():
        images.setdefault(condition, []).append(faces.every)
    return {condition: _measures(_images(protocol, parts), confusion) for condition, parts in images.items()}


def _images(protocol: EvaluationProtocol, compared: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Return the images of what is compared, each once."""
    indices = np.unique(np.concatenate(compared))
    joined = protocol.templates
    return indices if joined is None else np.unique(joined.image[np.isin(joined.template, indices)])


def _measures(images: NDArray[np.int64], confusion: NDArray[np.int64]) -> dict[str, float]:
    matrices = torch.from_numpy(confusion[images])  # (n, 2, 2)
    covered = matrices[:, 1].sum(1) > 0
    kinds = ["occluded" if one else "none" for one in covered.tolist()]
    index = torch.from_numpy(images)
    found = segmentation_measures(Rows(kinds, index, index, matrices), by_condition=False)
    return {"covered": float(covered.sum()), **{NAMES[name]: float(value) for name, value in found.items()}}
