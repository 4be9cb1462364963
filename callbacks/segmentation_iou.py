"""Intersection over union of the occlusion segmentation."""

from collections.abc import Mapping
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from callbacks.metrics import class_iou, confusion_matrices
from callbacks.row_collector import RowCollector, Rows
from datamodules.seams.conditions import CLEAN, check_conditions
from datamodules.seams.face_batch import FaceBatch


class SegmentationIoU(Callback):
    """Logs the IoU of clean and occluded pixels and their mean, over all pixels of the occluded faces that count.

    A pixel whose classes score equally is clean, as the module's segmentation says; scores that are not finite are
    refused by the module.

    Logged are ``<split>/iou/clean``, ``<split>/iou/occluded``, ``<split>/iou/mean``, in the test also the mean for
    each occluder, ``test/iou/<condition>``; and ``<split>/iou/false_alarm``, the share of pixels of clean
    faces that are taken for an occluder.
    """

    def __init__(self) -> None:
        self._confusion = RowCollector()

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Tensor | Mapping[str, Any] | None,
        batch: FaceBatch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Collect the batch's confusion matrices, if the module segments."""
        if isinstance(outputs, Mapping) and "segmentation" in outputs:
            self._confusion.update(batch, confusion_matrices(outputs["segmentation"], batch["mask"]))

    on_test_batch_end = on_validation_batch_end

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the validation's IoU."""
        self._log(pl_module, "val", by_condition=False)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the test's IoU."""
        self._log(pl_module, "test", by_condition=True)

    def _log(self, pl_module: LightningModule, split: str, *, by_condition: bool) -> None:
        rows = self._confusion.gather()
        if rows is not None:
            values = segmentation_measures(rows, by_condition=by_condition)
            pl_module.log_dict({f"{split}/iou/{name}": value for name, value in values.items()})


def segmentation_measures(rows: Rows, *, by_condition: bool) -> dict[str, Tensor]:
    """Return the measures of :class:`SegmentationIoU` from ``(N, 2, 2)`` confusion matrices.

    Raises:
        ValueError: If a condition, where they are told apart, is called as a mean over them.
    """
    measures: dict[str, Tensor] = {}
    clean = torch.tensor([name == CLEAN for name in rows.occluder], dtype=torch.bool)
    counts = rows.value[clean].sum(0)
    if counts.any():  # all of them may be ignored
        measures["false_alarm"] = counts[0, 1] / counts.sum()
    if clean.all():
        return measures
    occluded = rows.where(~clean)
    iou = class_iou(occluded.value.sum(0))
    measures |= {"clean": iou[0], "occluded": iou[1], "mean": iou.mean()}
    if by_condition:
        check_conditions(names := sorted(set(occluded.occluder)))
        for name in names:
            measures[name] = class_iou(occluded.of(name).value.sum(0)).mean()
    return measures
