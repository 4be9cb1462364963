"""Kept instances: what is read is what is drawn, and whatever is wrong with a file, it is drawn again."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from datamodules.npz_file import read_npz
from datamodules.occluders import TemplateMixture, TemplateOccluder, drawn
from datamodules.occluders.drawn import CATEGORIES, drawn_sprite, kept_sprite, kept_sprites
from datamodules.occluders.drawn.kept_sprites import ARRAYS, DRAWN_BY, code_digest
from datamodules.occluders.sprite import Level, Sprite
from datamodules.seams.face_source import Landmarks, UInt8Image

ROOT = Path(drawn.__file__).parents[3]
Face = tuple[UInt8Image, Landmarks]


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Read from disk what the process has read before."""
    kept_sprite.cache_clear()
    yield
    kept_sprite.cache_clear()


def assert_same(one: Sprite, other: Sprite) -> None:
    assert (one.centre, one.units, one.play) == (other.centre, other.units, other.play)
    np.testing.assert_array_equal(one.solver, other.solver)
    for level, same in zip(one.levels, other.levels, strict=True):
        for name in Level._fields:
            array, expected = getattr(level, name), getattr(same, name)
            assert array.dtype == expected.dtype
            np.testing.assert_array_equal(array, expected)


@pytest.mark.parametrize("category", CATEGORIES)
def test_what_is_read_is_what_is_drawn(category: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = drawn_sprite(category, "held_out", 3)
    assert_same(kept_sprite(tmp_path, category, "held_out", 3), expected)
    kept_sprite.cache_clear()
    monkeypatch.delattr(kept_sprites, "drawn_sprite")
    read = kept_sprite(tmp_path, category, "held_out", 3)
    assert read is not expected
    assert_same(read, expected)


def test_an_occluder_covers_the_same_pixels_with_kept_instances(tmp_path: Path, make_face: Callable[..., Face]) -> None:
    image, landmarks = make_face()
    plain = TemplateOccluder("scarf+cup", num_instances=2)
    for _ in ("drawn", "read"):
        kept_sprite.cache_clear()
        kept = TemplateMixture({"scarf+cup": 1.0}, num_instances=2, cache_dir=tmp_path).component("scarf+cup")
        for seed in range(4):
            one, other = (o(image, landmarks, np.random.default_rng(seed)) for o in (plain, kept))
            np.testing.assert_array_equal(one.image, other.image)
            np.testing.assert_array_equal(one.mask, other.mask)
    assert {path.name.rpartition("-")[0] for path in tmp_path.iterdir()} == {
        f"{category}-train-{index}" for category in ("scarf", "cup") for index in range(2)
    }


@pytest.mark.parametrize("damage", ["cut", "empty", "changed", "another", "folder"])
def test_what_is_damaged_is_drawn_again(damage: str, tmp_path: Path) -> None:
    expected = kept_sprite(tmp_path, "cup", "train", 0)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    if damage == "folder":
        path.unlink()
        path.mkdir()
    elif damage == "another":
        np.savez(path, pixels=np.zeros(3))
    else:
        path.write_bytes({"cut": whole[:-200], "empty": b"", "changed": whole.replace(b"\0" * 4, b"\1" * 4, 1)}[damage])
    kept_sprite.cache_clear()
    assert_same(kept_sprite(tmp_path, "cup", "train", 0), expected)
    if damage != "folder":
        assert read_npz(path, ARRAYS).keys() == set(ARRAYS)


def test_where_nothing_can_be_written_it_is_drawn(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert_same(kept_sprite(tmp_path / "file", "cup", "train", 1), drawn_sprite("cup", "train", 1))


def test_other_code_has_other_files(monkeypatch: pytest.MonkeyPatch) -> None:
    before = code_digest("cup")
    code_digest.cache_clear()
    monkeypatch.setattr(kept_sprites, "DRAWN_BY", DRAWN_BY[1:])
    assert code_digest("cup") != before
    code_digest.cache_clear()


def test_the_name_stands_for_all_code_that_draws() -> None:
    files = {*(ROOT / "datamodules/occluders/drawn").glob("*.py"), *(Path(str(m.__file__)) for m in DRAWN_BY)}
    imported = {
        ROOT / f"{node.module.replace('.', '/')}.py"
        for file in files
        if file.stem != "kept_sprites"
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("datamodules.")
    }
    assert imported - files == {ROOT / "datamodules/seams/face_source.py"}  # types alone
