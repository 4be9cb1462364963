"""Outlines: by a slow loop over pixels, by hand, and where there is none."""

from math import hypot

import pytest
import torch
from torch import Tensor

from callbacks.metrics import boundary_counts, boundary_f


def blobs(seed: int) -> Tensor:
    noise = torch.rand(3, 1, 5, 6, generator=torch.Generator().manual_seed(seed))
    return (torch.nn.functional.interpolate(noise, scale_factor=4)[:, 0] > 0.6).byte()


def outline(covered: list[list[int]], counts: list[list[bool]]) -> set[tuple[int, int]]:
    height, width = len(covered), len(covered[0])
    found = set()
    for row in range(height):
        for column in range(width):
            for down, right in ((0, 1), (1, 0), (0, -1), (-1, 0)):
                y, x = row + down, column + right
                if not (0 <= y < height and 0 <= x < width and counts[y][x] and counts[row][column]):
                    continue
                if covered[row][column] and not covered[y][x]:
                    found.add((row, column))
    return found


@pytest.mark.parametrize("tolerance", [0.0, 0.05, 0.1])
def test_equals_a_loop_over_pixels(tolerance: float, device: torch.device) -> None:
    seen, mask = blobs(0), blobs(1)
    mask[:, :, :5] = 255
    found = boundary_counts(seen.to(device), mask.to(device), tolerance).cpu()
    radius = max(1, round(tolerance * hypot(20, 24)))
    for image in range(3):
        counts = (mask[image] != 255).tolist()
        first, second = (outline(part[image].tolist(), counts) for part in (seen, mask == 1))
        near = [
            sum(any(hypot(y - v, x - u) <= radius for v, u in others) for y, x in points)
            for points, others in ((first, second), (second, first))
        ]
        assert found[image].tolist() == [near[0], len(first), near[1], len(second)]


def test_the_same_outline_is_perfect_and_neither_border_nor_ignored_region_is_one() -> None:
    mask = blobs(2)
    assert torch.equal(boundary_f(boundary_counts(mask, mask)), torch.ones(3))
    whole = torch.ones(1, 8, 8, dtype=torch.uint8)
    assert boundary_f(boundary_counts(whole, whole)).isnan().all()
    whole[0, :, 4:] = 255
    assert boundary_counts(torch.ones(1, 8, 8, dtype=torch.uint8), whole).tolist() == [[0, 0, 0, 0]]


def test_precision_and_recall_are_of_the_seen_and_of_the_true_outline() -> None:
    assert boundary_f(torch.tensor([[3, 4, 1, 2]])).item() == pytest.approx(2 * 0.75 * 0.5 / 1.25)


def test_refuses() -> None:
    maps = torch.zeros(1, 4, 4)
    with pytest.raises(ValueError, match=r"Expected two of shape \(B, H, W\)"):
        boundary_counts(maps[0], maps)
    with pytest.raises(ValueError, match=r"Expected `tolerance` in \[0, 1\), got -1"):
        boundary_counts(maps, maps, -1)
