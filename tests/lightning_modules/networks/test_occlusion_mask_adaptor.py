"""Occlusion mask adaptor: its formula, its range and its start near 1."""

import pytest
import torch
from torch.testing import assert_close

from lightning_modules.networks import OcclusionMaskAdaptor


def test_is_a_sigmoid_of_a_linear_map_at_each_position() -> None:
    adaptor, x = OcclusionMaskAdaptor(5, 3, weight_std=1.0), torch.randn(2, 5, 4, 6)
    weight = adaptor.convolution.weight[:, :, 0, 0]  # (3, 5)
    expected = 1 / (1 + torch.exp(-(torch.einsum("oc,bchw->bohw", weight, x) + 4.0)))
    assert_close(adaptor(x), expected)


def test_mask_lies_between_0_and_1() -> None:
    mask = OcclusionMaskAdaptor(5, 3)(1000 * torch.randn(2, 5, 4, 4))
    assert mask.min() >= 0
    assert mask.max() <= 1


def test_starts_near_1() -> None:
    mask = OcclusionMaskAdaptor(512, 64)(torch.randn(2, 512, 4, 4).relu())
    assert mask.min() > 0.9
    assert_close(mask.mean().item(), torch.tensor(4.0).sigmoid().item(), atol=0.005, rtol=0)


@pytest.mark.parametrize(("clean", "occluded", "expected"), [(0, 0, 0.880797), (3, -3, 0.999665), (-3, 3, 0.017986)])
def test_scores_start_as_a_mask_of_the_clean(clean: float, occluded: float, expected: float) -> None:
    mask = OcclusionMaskAdaptor.from_scores(4)(torch.tensor([clean, occluded]).view(1, 2, 1, 1).float())
    assert_close(mask, torch.full((1, 4, 1, 1), expected), atol=1e-6, rtol=0)


def test_score_settings() -> None:
    adaptor = OcclusionMaskAdaptor.from_scores(1, bias=1.0, scale=2.0)
    assert_close(adaptor(torch.tensor([1.0, 1.5]).view(1, 2, 1, 1)).item(), 0.5)  # 2 - 3 + 1 = 0
