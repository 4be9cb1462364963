"""How much of a face is covered."""

from typing import Any

import numpy as np
import pytest

from datamodules.sources import FixedLandmarks
from experiments.evaluation.matching.occluder_masks import OccluderMasks
from experiments.evaluation.quality.covered_share import covered_shares

SIDE = 32


class Crops:
    """Aligned crops of two sizes; of the last one no landmarks are known."""

    sides = (112, 224, 112)

    def __len__(self) -> int:
        return len(self.sides)

    def image(self, index: int) -> Any:
        return np.zeros((self.sides[index], self.sides[index], 3), np.uint8)

    def landmarks(self, index: int) -> Any:
        points = FixedLandmarks("arcface")(self, index, self.sides[index], self.sides[index])  # type: ignore[arg-type]
        return None if index == 2 else points


def shares(mask: Any) -> list[float]:
    bits = np.stack([np.packbits(mask.astype(np.uint8))] * 3)
    source: Any = Crops()
    return covered_shares(OccluderMasks(bits, SIDE), source).tolist()


def test_all_covered_is_one_and_nothing_is_none() -> None:
    assert shares(np.ones((SIDE, SIDE))) == [1, 1, 1]
    assert shares(np.zeros((SIDE, SIDE))) == [0, 0, 0]


def test_what_covers_the_background_covers_no_face() -> None:
    corners = np.zeros((SIDE, SIDE))
    corners[:4, :4] = corners[-4:, -4:] = 1
    assert shares(corners) == [0, 0, pytest.approx(32 / SIDE**2)]


def test_a_half_is_a_half_of_an_upright_face_whatever_the_size_of_its_crop() -> None:
    left = np.zeros((SIDE, SIDE))
    left[:, : SIDE // 2] = 1
    small, large, _ = shares(left)
    assert small == pytest.approx(0.5, abs=0.03)
    assert large == pytest.approx(small, abs=0.01)
