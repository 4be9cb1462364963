"""Intersection over union of the occlusion segmentation."""

from collections.abc import Mapping
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from callbacks.metrics import class_iou
from callbacks.rows import RowCollector, Rows
from datamodules.batch import FaceBatch


class SegmentationIoU(Callback):
    """Logs the IoU of clean and occluded pixels and their mean, over all pixels of the occluded faces.

    Logged are ``<split>/iou/clean``, ``<split>/iou/occluded``, ``<split>/iou/mean``, in the test also the mean for
    each occluder category, ``test/iou/<category>``; and ``<split>/iou/false_alarm``, the share of pixels of clean
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
            self._confusion.add(batch, pixel_confusion(outputs["segmentation"], batch["mask"]))

    on_test_batch_end = on_validation_batch_end

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the validation's IoU."""
        self._log(pl_module, "val", by_category=False)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the test's IoU."""
        self._log(pl_module, "test", by_category=True)

    def _log(self, pl_module: LightningModule, split: str, *, by_category: bool) -> None:
        rows = self._confusion.gather()
        if rows is not None:
            values = segmentation_measures(rows, by_category=by_category)
            pl_module.log_dict({f"{split}/iou/{name}": value for name, value in values.items()})


def pixel_confusion(segmentation: Tensor, mask: Tensor) -> Tensor:
    """Count pixels by (true, predicted) class for each image.

    Args:
        segmentation: ``(B, H, W)``, 1 for occluded.
        mask: ``(B, H, W)``, 1 for occluded.

    Returns:
        ``(B, 2, 2)`` int64, rows are the truth.

    Example:
        >>> pixel_confusion(torch.tensor([[[1, 0]]]), torch.tensor([[[1, 1]]]))
        tensor([[[0, 0],
                 [1, 1]]])
    """
    truth, seen = mask.flatten(1).bool(), segmentation.flatten(1).bool()  # (B, H · W)
    cells = [(truth == t) & (seen == s) for t in (False, True) for s in (False, True)]
    return torch.stack([cell.sum(1) for cell in cells], dim=1).view(-1, 2, 2)


def segmentation_measures(rows: Rows, *, by_category: bool) -> dict[str, Tensor]:
    """Return the measures of :class:`SegmentationIoU` from ``(N, 2, 2)`` confusion matrices."""
    measures: dict[str, Tensor] = {}
    clean = torch.tensor([name == "none" for name in rows.occluder], dtype=torch.bool)
    if clean.any():
        counts = rows.value[clean].sum(0)
        measures["false_alarm"] = counts[0, 1] / counts.sum()
    if clean.all():
        return measures
    occluded = rows.where(~clean)
    iou = class_iou(occluded.value.sum(0))
    measures |= {"clean": iou[0], "occluded": iou[1], "mean": iou.mean()}
    if by_category:
        for name in sorted(set(occluded.occluder)):
            measures[name] = class_iou(occluded.of(name).value.sum(0)).mean()
    return measures
