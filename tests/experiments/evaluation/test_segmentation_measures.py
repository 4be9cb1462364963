"""Measures of a segmentation over images: by slow means, and intervals that follow who is in the images."""

import numpy as np
import pytest
import torch

from callbacks.metrics import boundary_counts, boundary_f, class_iou, confusion_matrices, reliability_counts
from experiments.evaluation.segmentation_measures import segmentation_conditions
from experiments.evaluation.segmentation_scores import SegmentationScores


def scores(number: int = 30) -> tuple[SegmentationScores, torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    noise = torch.nn.functional.interpolate(torch.rand(number, 1, 4, 4, generator=generator), scale_factor=4)[:, 0]
    mask = (noise > 0.6).byte()
    mask[::3] = 0
    mask[:, :, 14:] = 255
    probability = (0.7 * noise + 0.3 * torch.rand(noise.shape, generator=generator)).clamp(0, 1)
    seen = (probability > 0.6).byte()
    confusion, boundary = confusion_matrices(seen, mask).double(), boundary_counts(seen, mask).double()
    return SegmentationScores(confusion, boundary, reliability_counts(probability, mask)), mask, seen, probability


def test_measures_are_those_of_all_pixels_together_and_of_outlines_one_by_one() -> None:
    found, mask, seen, _ = scores()
    images = np.arange(30)
    measures = segmentation_conditions(found, {"all": images}, images)["all"]
    covered = (mask == 1).any(2).any(1)
    iou = class_iou(found.confusion[covered].sum(0))
    assert measures["iou_clean"] == pytest.approx(float(iou[0]))
    assert measures["iou_occluded"] == pytest.approx(float(iou[1]))
    assert measures["iou"] == pytest.approx(float(iou.mean()))
    alone = (mask != 255) & ~covered[:, None, None]
    assert measures["false_alarm"] == pytest.approx(float(((seen == 1) & alone).sum() / alone.sum()))
    expected = boundary_f(found.boundary)[covered]
    assert measures["boundary_f"] == pytest.approx(float(expected[~expected.isnan()].mean()), abs=1e-6)
    assert (measures["images"], measures["covered"]) == (30, int(covered.sum()))
    for name in ("iou", "iou_occluded", "boundary_f", "false_alarm", "calibration_error"):
        assert measures[f"{name}_low"] <= measures[name] <= measures[f"{name}_high"] or name == "calibration_error"
        assert measures[f"{name}_low"] < measures[f"{name}_high"]


def test_intervals_are_wider_where_few_people_are_in_the_images() -> None:
    found, *_ = scores()
    images = np.arange(30)
    alone, shared = (
        segmentation_conditions(found, {"all": images}, people)["all"] for people in (images, images // 10)
    )
    assert alone["iou"] == shared["iou"]
    twice = found.of(torch.arange(60) % 30)
    people = np.tile(images, 2)
    same = segmentation_conditions(twice, {"all": np.arange(60)}, people)["all"]
    for bound in ("iou_low", "iou_high"):  # each image twice says no more
        assert same[bound] == pytest.approx(alone[bound])
    assert shared["iou_high"] - shared["iou_low"] != alone["iou_high"] - alone["iou_low"]


def test_what_cannot_be_measured_is_left_out() -> None:
    found, mask, *_ = scores()
    images = np.arange(30)
    clean = images[~(mask == 1).any(2).any(1).numpy()]
    measures = segmentation_conditions(found._replace(reliability=None), {"none": clean}, images)["none"]
    assert set(measures) == {"images", "covered", "false_alarm", "false_alarm_low", "false_alarm_high"}
    covered = np.setdiff1d(images, clean)
    assert "false_alarm" not in segmentation_conditions(found, {"some": covered}, images)["some"]


def test_one_image_has_a_measure_and_an_interval_of_no_width() -> None:
    found, *_ = scores()
    measures = segmentation_conditions(found, {"one": np.array([1])}, np.arange(30))["one"]
    assert measures["iou_low"] == measures["iou"] == measures["iou_high"]
