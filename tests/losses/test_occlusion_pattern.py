"""Occlusion patterns: against a slow loop over all blocks; the loss of their classifier; refusals."""

import math

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck
from torch.nn.functional import log_softmax

from losses import OcclusionPatternLoss, occlusion_pattern_loss, occlusion_patterns, pattern_count


def blocks(side: int, grid: int) -> list[Tensor]:
    """Return all patterns as label maps, one by one, beginning with none."""
    bounds = [round(cell * side / grid) for cell in range(grid + 1)]
    found = [torch.zeros(side, side, dtype=torch.uint8)]
    for top in range(grid):
        for bottom in range(top + 1, grid + 1):
            for left in range(grid):
                for right in range(left + 1, grid + 1):
                    block = torch.zeros(side, side, dtype=torch.uint8)
                    block[bounds[top] : bounds[bottom], bounds[left] : bounds[right]] = 1
                    found.append(block)
    return found


def slow_pattern(mask: Tensor, grid: int) -> int:
    if not mask.any():
        return 0
    ious = [((mask & block).sum() / (mask | block).sum()).item() for block in blocks(len(mask), grid)[1:]]
    return 1 + ious.index(max(ious))


@pytest.mark.parametrize(("side", "grid"), [(6, 1), (8, 2), (12, 3), (64, 5), (17, 4)])
def test_each_block_is_its_own_pattern(side: int, grid: int) -> None:
    every = torch.stack(blocks(side, grid))
    assert len(every) == pattern_count(grid)
    assert occlusion_patterns(every, grid).tolist() == list(range(len(every)))


@pytest.mark.parametrize("seed", range(3))
def test_is_the_block_of_largest_iou(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    masks = torch.zeros(12, 20, 20, dtype=torch.uint8)
    for mask in masks:
        top, left, height, width = torch.randint(1, 14, (4,), generator=generator).tolist()
        mask[top : top + height, left : left + width] = torch.rand(20, 20, generator=generator)[
            top : top + height, left : left + width
        ].gt(0.3)
    assert occlusion_patterns(masks, 4).tolist() == [slow_pattern(mask, 4) for mask in masks]


def test_any_value_but_0_and_255_is_covered() -> None:
    mask = torch.zeros(1, 8, 8, dtype=torch.long)
    mask[0, 4:, :4] = 254
    assert torch.equal(occlusion_patterns(mask, 2), occlusion_patterns(mask.bool(), 2))


def test_loss_is_the_negative_log_probability_of_the_pattern() -> None:
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(6, 10, generator=generator, dtype=torch.float64)
    masks = torch.stack(blocks(8, 2))[[0, 3, 9, 1, 1, 5]]
    expected = -log_softmax(scores, 1)[range(6), [0, 3, 9, 1, 1, 5]].mean()
    torch.testing.assert_close(occlusion_pattern_loss(scores, masks, 2), expected)
    torch.testing.assert_close(OcclusionPatternLoss(2)(scores, masks), expected)
    assert gradcheck(lambda s: occlusion_pattern_loss(s, masks, 2), scores.requires_grad_())


def test_half_precision_is_promoted() -> None:
    scores, masks = torch.zeros(2, 10).bfloat16(), torch.stack(blocks(8, 2))[:2]
    loss = occlusion_pattern_loss(scores, masks, 2)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(math.log(10))


def test_a_map_on_a_device_gives_the_same_there(device: torch.device) -> None:
    masks = torch.stack(blocks(10, 3))
    assert occlusion_patterns(masks.to(device), 3).tolist() == occlusion_patterns(masks, 3).tolist()


@pytest.mark.parametrize("grid", [0, -1])
def test_refuses_a_grid(grid: int) -> None:
    with pytest.raises(ValueError, match=f"`grid` of at least 1, got {grid}"):
        OcclusionPatternLoss(grid)


@pytest.mark.parametrize("grid", [0, 7])
def test_refuses_a_grid_finer_than_the_map(grid: int) -> None:
    with pytest.raises(ValueError, match=f"`grid` from 1 to the label map's 6, got {grid}"):
        occlusion_patterns(torch.zeros(1, 8, 6), grid)


def test_refuses_other_shapes() -> None:
    with pytest.raises(ValueError, match=r"label maps of shape \(B, H, W\), got \(8, 8\)"):
        occlusion_patterns(torch.zeros(8, 8), 2)
    with pytest.raises(ValueError, match=r"scores of shape \(B, patterns\) = \(3, 10\), got \(3, 9\)"):
        occlusion_pattern_loss(torch.zeros(3, 9), torch.zeros(3, 8, 8), 2)
    with pytest.raises(ValueError, match=r"non-empty scores of shape \(B, patterns\) = \(0, 10\), got \(0, 10\)"):
        occlusion_pattern_loss(torch.zeros(0, 10), torch.zeros(0, 8, 8), 2)


def test_ignored_pixels_are_not_covered() -> None:
    masks = torch.randint(0, 2, (4, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    ignored = torch.where(masks == 0, torch.tensor(255, dtype=torch.uint8), masks)
    assert torch.equal(occlusion_patterns(ignored, 4), occlusion_patterns(masks, 4))
