"""Frozen occluders: the held-out ones as drawn, and nothing else."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from datamodules.errors import DataError
from datamodules.occluders.drawn import CATEGORIES, Category
from datamodules.protocols.lfw_occ import frozen_instances
from datamodules.protocols.lfw_occ.frozen_instances import (
    FOLDER,
    LFW_OCC_CATEGORIES,
    NUM_INSTANCES,
    atlas_of,
    freeze,
    instances,
)


@pytest.mark.parametrize("category", list(LFW_OCC_CATEGORIES))
def test_frozen_is_what_is_drawn_up_to_the_last_bit_of_a_colour(category: str) -> None:
    left, _, right, _ = CATEGORIES[category].window
    drawn = atlas_of(category).astype(int).reshape(NUM_INSTANCES, -1, 2, (right - left) // 2, 4)
    frozen = np.stack([sheet.levels[0][1:-1, 1:-1] for sheet in instances(category)])
    assert_array_equal(frozen[..., 4], drawn[:, :, 1, :, 0])
    assert np.abs(frozen[..., :4] - drawn[:, :, 0]).max() <= 1


@pytest.mark.parametrize("category", list(LFW_OCC_CATEGORIES))
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
    cup = LFW_OCC_CATEGORIES["cup"]
    other = {**LFW_OCC_CATEGORIES, "cup": cup._replace(sha256="0" * 64)}
    monkeypatch.setattr(frozen_instances, "LFW_OCC_CATEGORIES", other)
    with pytest.raises(DataError, match=rf"cup\.png: expected pixels of SHA-256 0{{64}}, got {cup.sha256}"):
        read("cup")


@pytest.fixture
def visor(monkeypatch: pytest.MonkeyPatch) -> Category:
    """A built-in category of which nothing is frozen."""
    category = replace(CATEGORIES["cup"], name="visor", frozen=None)
    monkeypatch.setattr(frozen_instances, "CATEGORIES", {**CATEGORIES, "visor": category})
    monkeypatch.setattr("datamodules.occluders.drawn.categories.CATEGORIES", {**CATEGORIES, "visor": category})
    return category


def test_a_category_without_frozen_instances_is_no_part_of_it_and_says_so(visor: Category) -> None:
    with pytest.raises(ValueError, match=r"got 'visor', of which LFW-occ has no frozen instances$"):
        instances(visor.name)


def test_freezing_writes_what_is_drawn(visor: Category, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = freeze(visor.name, tmp_path)
    frozen = CATEGORIES["cup"].frozen
    assert frozen is not None
    monkeypatch.setattr(frozen_instances, "LFW_OCC_CATEGORIES", {"visor": frozen._replace(sha256=digest)})
    monkeypatch.setattr(frozen_instances, "FOLDER", tmp_path)
    assert len(instances.__wrapped__(visor.name)) == NUM_INSTANCES


def test_refuses_to_freeze_anew() -> None:
    with pytest.raises(ValueError, match=r"^Expected a category that is not frozen yet, got 'cup'$"):
        freeze("cup")
