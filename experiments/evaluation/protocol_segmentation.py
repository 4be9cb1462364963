"""The segmentation of a protocol's images against its label maps: IoU by condition, as in a training's test."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from callbacks.metrics import confusion_matrices
from callbacks.row_collector import Rows
from callbacks.segmentation_iou import segmentation_measures
from datamodules.protocols import EvaluationProtocol
from datamodules.seams.face_source import FaceSource
from experiments.evaluation.embedding import Extraction
from experiments.evaluation.face_images import LabelledFaces
from experiments.evaluation.face_outputs import OutputCollector, quiet_trainer

NAMES = {"mean": "iou", "clean": "iou_clean", "occluded": "iou_occluded", "false_alarm": "false_alarm"}
"""What the test callback's measures are called beside others."""


def segment(
    extraction: Extraction,
    source: FaceSource,
    *,
    batch_size: int,
    num_workers: int = 0,
    trainer_options: Mapping[str, Any] | None = None,
) -> NDArray[np.int64]:
    """Return the confusion matrix of every image's pixels, ``(N, 2, 2)``, rows are the truth.

    Args:
        extraction: What segments.
        source: The images; it has label maps.
        batch_size: Images that a process segments at once.
        num_workers: Processes that load images.
        trainer_options: Devices, precision and so on.

    Raises:
        DataError: If an image or a label map cannot be read.
    """
    collector = OutputCollector("segmentation", lambda seen, batch: confusion_matrices(seen, batch["mask"]))
    trainer = quiet_trainer(collector, trainer_options or {})
    matrices: NDArray[np.int64] = collector.values(
        lambda loader: trainer.test(extraction.module, loader, verbose=False),
        LabelledFaces(source, extraction.image_size),
        image_size=extraction.image_size,
        batch_size=batch_size,
        num_workers=num_workers,
    ).numpy()
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
        images.setdefault(condition, []).extend((faces.gallery, faces.probes))
    return {condition: _measures(np.unique(np.concatenate(parts)), confusion) for condition, parts in images.items()}


def _measures(images: NDArray[np.int64], confusion: NDArray[np.int64]) -> dict[str, float]:
    matrices = torch.from_numpy(confusion[images])  # (n, 2, 2)
    covered = matrices[:, 1].sum(1) > 0
    kinds = ["occluded" if one else "none" for one in covered.tolist()]
    index = torch.from_numpy(images)
    found = segmentation_measures(Rows(kinds, index, index, matrices), by_condition=False)
    return {"covered": float(covered.sum()), **{NAMES[name]: float(value) for name, value in found.items()}}
