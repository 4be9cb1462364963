"""IoU by condition: over all pixels of a condition's covered faces, as the test callback computes it."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pytorch_lightning import LightningModule

from datamodules.protocols import EvaluationProtocol, Identification, VerificationPairs
from experiments.evaluation.face_outputs import Computing, Extraction
from experiments.evaluation.protocol_segmentation import segment, segmentation_rows
from lightning_modules.outputs import StepOutput
from tests.helpers.doubles import PlainSource


class Covered(PlainSource):
    """Odd images are covered in their upper half, and bright there; the last ``index`` rows are bright in all."""

    def image(self, index: int) -> NDArray[np.uint8]:
        image = np.zeros((32, 32, 3), np.uint8)
        image[:16] = 255 * (index % 2)
        image[32 - index :] = 255
        return image

    def label_map(self, index: int) -> NDArray[np.uint8]:
        label_map = np.zeros((32, 32), np.uint8)
        label_map[:16] = index % 2
        return label_map


class Bright(LightningModule):
    """Takes what is bright for an occluder."""

    def test_step(self, batch: Any, batch_idx: int) -> StepOutput:
        return StepOutput(segmentation=(batch["image"][:, 0] > 127).byte())


def protocol() -> EvaluationProtocol:
    pairs = VerificationPairs(np.array([2, 2]), np.array([1, 3]), np.array([False, True]), np.array([0, 0]))
    even = Identification(np.array([2]), np.array([3]))
    return EvaluationProtocol("some", Covered([2, 2]), {"odd": pairs}, {"even": even})


@pytest.mark.parametrize(("image_size", "batch_size"), [(32, 3), (16, 4), (64, 1)])
def test_measures_are_those_of_the_pixels_counted_by_hand(image_size: int, batch_size: int) -> None:
    what = protocol()
    confusion = segment(
        Extraction(Bright(), image_size, "bright"),
        what.source,
        Computing(batch_size, trainer_options={"accelerator": "cpu", "enable_progress_bar": False}),
    )
    assert confusion.shape == (4, 2, 2)
    assert (confusion.sum((1, 2)) == image_size**2).all()
    found = segmentation_rows(what, confusion)
    # in rows of 32: of images 1 and 3 16 each are hit, and 1 + 3 are false; of image 2, which is clean, 2 are false
    hit, false, clean = 32, 4, 28
    exact = {
        "iou_occluded": hit / (hit + false),
        "iou_clean": clean / (clean + false),
        "iou": (hit / (hit + false) + clean / (clean + false)) / 2,
        "false_alarm": 2 / 32,
        "covered": 2,
    }
    assert found["odd"] == pytest.approx(exact, abs=1e-6 if image_size == 32 else 0.07)  # parts of rows are rounded
    assert found["even"]["covered"] == 1
    assert found["even"]["iou_occluded"] == pytest.approx(16 / 19, abs=0.05)


def test_a_condition_without_covered_faces_has_false_alarms_alone() -> None:
    pairs = VerificationPairs(np.array([0]), np.array([2]), np.array([True]), np.array([0]))
    what = EvaluationProtocol("clean", Covered([3]), {"all": pairs})
    confusion = torch.tensor([[[8, 1], [0, 0]], [[0, 0], [9, 0]], [[9, 0], [0, 0]]]).numpy()
    assert segmentation_rows(what, confusion) == {"all": {"covered": 0.0, "false_alarm": pytest.approx(1 / 18)}}
