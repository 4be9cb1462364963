"""Segmentation IoU: golden values by hand, agreement with torchmetrics."""

from typing import Any

import pytest
import torch
from torchmetrics.functional.classification import multiclass_jaccard_index

from callbacks import SegmentationIoU
from callbacks.metrics import class_iou, confusion_matrices
from callbacks.row_collector import Rows
from callbacks.segmentation_iou import segmentation_measures
from datamodules.seams.face_batch import FaceBatch


def random_masks(seed: int) -> torch.Tensor:
    return (torch.rand(6, 8, 8, generator=torch.Generator().manual_seed(seed)) < 0.3).byte()


def test_equals_torchmetrics_over_all_pixels() -> None:
    truth, seen = random_masks(0), random_masks(1)
    ours = class_iou(confusion_matrices(seen, truth).sum(0))
    theirs = multiclass_jaccard_index(seen.long(), truth.long(), num_classes=2, average="none")
    torch.testing.assert_close(ours, theirs)


def test_golden_values() -> None:
    truth = torch.tensor([[[1, 1, 0, 0]]])
    seen = torch.tensor([[[1, 0, 0, 1]]])
    assert confusion_matrices(seen, truth).tolist() == [[[1, 1], [1, 1]]]
    torch.testing.assert_close(class_iou(torch.tensor([[1, 1], [1, 1]])), torch.tensor([1 / 3, 1 / 3]))


def test_a_class_that_never_occurs_is_perfect() -> None:
    assert class_iou(torch.tensor([[9, 0], [0, 0]])).tolist() == [1.0, 1.0]


def test_clean_faces_count_as_false_alarms_only() -> None:
    confusion = torch.tensor([[[6, 2], [0, 0]], [[4, 0], [0, 4]]])
    rows = Rows(["none", "cup"], torch.tensor([0, 1]), torch.tensor([0, 0]), confusion)
    measures = segmentation_measures(rows, by_condition=True)
    assert {name: float(value) for name, value in measures.items()} == {
        "false_alarm": 0.25,
        "clean": 1.0,
        "occluded": 1.0,
        "mean": 1.0,
        "cup": 1.0,
    }


@pytest.mark.parametrize("split", ["validation", "test"])
def test_callback_logs_what_was_seen_and_forgets_it(batch: FaceBatch, recording_module: Any, split: str) -> None:
    callback: Any = SegmentationIoU()
    segmentation = batch["mask"].clone()
    segmentation[1] = 0  # the scarf goes unseen
    getattr(callback, f"on_{split}_batch_end")(None, recording_module, {"segmentation": segmentation}, batch, 0)
    getattr(callback, f"on_{split}_epoch_end")(None, recording_module)
    name = {"validation": "val", "test": "test"}[split]
    assert recording_module.logged[f"{name}/iou/occluded"] == pytest.approx(0.5)
    assert recording_module.logged[f"{name}/iou/clean"] == pytest.approx(16 / 24)
    assert (f"{name}/iou/scarf" in recording_module.logged) == (split == "test")
    recording_module.logged.clear()
    getattr(callback, f"on_{split}_epoch_end")(None, recording_module)
    assert recording_module.logged == {}


@pytest.mark.parametrize("name", ["mean", "occluded", "false_alarm", "clean"])
def test_a_condition_never_takes_the_place_of_a_mean(name: str) -> None:
    confusion = torch.tensor([[[6, 2], [0, 0]], [[4, 0], [0, 4]]])
    rows = Rows(["none", name], torch.tensor([0, 1]), torch.tensor([0, 0]), confusion)
    with pytest.raises(ValueError, match=f"Expected conditions named other than .*, got '{name}'"):
        segmentation_measures(rows, by_condition=True)


def test_clean_faces_of_which_nothing_counts_raise_no_alarm_and_no_error() -> None:
    confusion = torch.tensor([[[0, 0], [0, 0]], [[4, 0], [0, 4]]])
    rows = Rows(["none", "real"], torch.tensor([0, 1]), torch.tensor([0, 0]), confusion)
    assert "false_alarm" not in segmentation_measures(rows, by_condition=True)
