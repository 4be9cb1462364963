"""Frozen occluders: the held-out ones as drawn, and nothing else."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from datamodules.errors import DataError
from datamodules.protocols.lfw_occ import frozen_instances
from datamodules.protocols.lfw_occ.frozen_instances import FOLDER, NUM_INSTANCES, PIXELS, WINDOWS, atlas_of, instances


@pytest.mark.parametrize("category", list(WINDOWS))
def test_frozen_is_what_is_drawn_up_to_the_last_bit_of_a_colour(category: str) -> None:
    drawn = (
        atlas_of(category)
        .astype(int)
        .reshape(NUM_INSTANCES, -1, 2, (WINDOWS[category][2] - WINDOWS[category][0]) // 2, 4)
    )
    frozen = np.stack([sheet.levels[0][1:-1, 1:-1] for sheet in instances(category)])
    assert_array_equal(frozen[..., 4], drawn[:, :, 1, :, 0])
    assert np.abs(frozen[..., :4] - drawn[:, :, 0]).max() <= 1


@pytest.mark.parametrize("category", list(WINDOWS))
def test_no_two_instances_are_alike(category: str) -> None:
    for one, other in combinations(instances(category), 2):
        assert not np.array_equal(one.levels[0], other.levels[0])


def test_refuses_another_category() -> None:
    with pytest.raises(ValueError, match=r"^Expected an occluder category among \['cup', .*, got 'hat'$"):
        instances("hat")


def test_refuses_other_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frozen_instances, "FOLDER", tmp_path)
    read = instances.__wrapped__
    with pytest.raises(DataError, match=r"cup\.png: expected an image of occluders, got No such file"):
        read("cup")
    (tmp_path / "cup.png").write_bytes((FOLDER / "scarf.png").read_bytes())
    with pytest.raises(
        DataError, match=r"cup\.png: expected an 8-bit image of shape \(1840, 260, 4\), got another one"
    ):
        read("cup")
    (tmp_path / "cup.png").write_bytes((FOLDER / "cup.png").read_bytes())
    monkeypatch.setattr(frozen_instances, "PIXELS", {**PIXELS, "cup": "0" * 64})
    with pytest.raises(DataError, match=rf"cup\.png: expected pixels of SHA-256 0{{64}}, got {PIXELS['cup']}"):
        read("cup")
