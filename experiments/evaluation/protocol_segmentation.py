"""The segmentation of a protocol's images against its label maps: IoU by condition, as in a training's test."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import Callback, LightningModule, Trainer
from torch.utils.data import DataLoader, Dataset

from callbacks.metrics import confusion_matrices
from callbacks.row_collector import RowCollector, Rows
from callbacks.segmentation_iou import segmentation_measures
from datamodules.dataset import FaceSample, collate_faces
from datamodules.protocols import EvaluationProtocol
from datamodules.seams.face_batch import FaceBatch
from datamodules.seams.face_source import UInt8Image
from datamodules.shared_memory import check_shared_memory
from datamodules.sources import FaceSource
from experiments.evaluation.embedding import Extraction, gathered, plain_faces, quiet_trainer

NAMES = {"mean": "iou", "clean": "iou_clean", "occluded": "iou_occluded", "false_alarm": "false_alarm"}
"""What the test callback's measures are called beside others."""


@runtime_checkable
class LabelMaps(Protocol):
    """What a source has whose images' occluders are known."""

    def label_map(self, index: int) -> UInt8Image:
        """Label map of image ``index``, ``(H, W)``: 1 where an occluder covers it."""
        ...


class LabelledFaces(Dataset[FaceSample]):
    """All images of a source with their label maps, resized; a pixel is covered where at least half of it is.

    Args:
        source: The images; it has label maps.
        image_size: Side of the images in pixels.
    """

    def __init__(self, source: FaceSource, image_size: int) -> None:
        self.faces = plain_faces(source, np.arange(len(source)), image_size)
        self.source = source
        self.image_size = image_size

    def __len__(self) -> int:
        return len(self.faces)

    def __getitem__(self, index: int) -> FaceSample:
        """Return one face."""
        covered = (self.source.label_map(index) > 0).astype(np.float32)  # type: ignore[attr-defined]  # it has
        share = cv2.resize(covered, (self.image_size, self.image_size), interpolation=cv2.INTER_AREA)
        return replace(self.faces[index], mask=(share >= 0.5).astype(np.uint8))


class ConfusionCollector(Callback):
    """Gathers what a test segments, over all processes, as confusion matrices of pixels."""

    def __init__(self) -> None:
        self._rows = RowCollector()
        self.rows: Rows | None = None

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: FaceBatch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep the batch's matrices."""
        self._rows.update(batch, confusion_matrices(outputs["segmentation"], batch["mask"]))

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put the processes' faces together."""
        self.rows = self._rows.gather()


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
    collector = ConfusionCollector()
    trainer = quiet_trainer(collector, trainer_options or {})
    faces = LabelledFaces(source, extraction.image_size)
    check_shared_memory(extraction.image_size, [(batch_size, len(faces))], workers=num_workers)
    loader = DataLoader(faces, batch_size=batch_size, num_workers=num_workers, collate_fn=collate_faces)
    trainer.test(extraction.module, loader, verbose=False)
    matrices: NDArray[np.int64] = gathered(collector.rows, len(faces)).numpy()
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
