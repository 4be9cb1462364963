"""Saved occlusion maps: what is written is what is read, and what does not belong is refused by name."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datamodules.errors import DataError
from datamodules.occluders import OcclusionMap

FIELDS: dict[str, Any] = {
    "error": np.array([[0.0, 0.5, 1.0], [0.25, 0.125, 0.125]], np.float32),
    "standard_error": np.full((2, 3), 0.01, np.float32),
    "occluder_size": (20, 40),
    "fill": np.array([0, 127.5, 255], np.float32),
    "stride": 5,
    "indices": np.array([3, 1, 4]),
    "model": "3f2a",
    "checkpoint": "runs/a/last.ckpt",
}
FORMAT = {
    "error": (np.float32, (2, 3)),
    "standard_error": (np.float32, (2, 3)),
    "occluder_size": (np.int64, (2,)),
    "fill": (np.float32, (3,)),
    "stride": (np.int64, ()),
    "indices": (np.int64, (3,)),
}


def make(**changes: Any) -> OcclusionMap:
    return OcclusionMap(**(FIELDS | changes))


def write(path: Path, **changes: Any) -> Path:
    """A file as another program may have written it; ``None`` leaves an array out."""
    np.savez(path, **{name: value for name, value in (FIELDS | changes).items() if value is not None})
    return path


def assert_equal(one: OcclusionMap, other: OcclusionMap) -> None:
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_the_file_holds_the_documented_arrays(tmp_path: Path) -> None:
    make().save(tmp_path / "map.npz")
    with np.load(tmp_path / "map.npz", allow_pickle=False) as file:
        assert set(file.files) == set(FIELDS)
        for name, (dtype, shape) in FORMAT.items():
            assert (file[name].dtype, file[name].shape) == (dtype, shape)
            np.testing.assert_array_equal(file[name], FIELDS[name])
        assert (str(file["model"]), str(file["checkpoint"])) == ("3f2a", "runs/a/last.ckpt")


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    for found in (make(), make(standard_error=None)):
        found.save(tmp_path / "new" / "map.npz")
        assert_equal(OcclusionMap.load(tmp_path / "new" / "map.npz"), found)


def test_a_map_of_another_program_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "map.npz", error=FIELDS["error"].astype(np.float64), note="an array of its own")
    assert_equal(OcclusionMap.load(path), make())


def test_measures_by_hand() -> None:
    found = make(error=[[0.0, 0.5], [0.5, 1.0]], standard_error=None)
    assert found.mean_accuracy == 0.5
    assert found.std == pytest.approx(np.sqrt((0.25 + 0.25) / 4))
    assert found.image_size == (2, 2)
    assert found.error.dtype == np.float32


def test_a_map_that_belongs_is_accepted(tmp_path: Path) -> None:
    make().save(tmp_path / "map.npz")
    OcclusionMap.load(tmp_path / "map.npz", image_size=(2, 3), occluder_size=(20, 40), model="3f2a")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"image_size": (3, 2)}, "a map of 3 × 2 pixels .*, got one of 2 × 3 pixels"),
        ({"occluder_size": (40, 20)}, "a map of an occluder of 40 × 20 pixels .*, got one of 20 × 40 pixels"),
        ({"model": "beef"}, "a map of model beef, got one of 3f2a"),
    ],
)
def test_a_map_of_something_else_is_refused(tmp_path: Path, asked: dict[str, Any], message: str) -> None:
    make().save(tmp_path / "map.npz")
    with pytest.raises(DataError, match=f"map.npz: expected {message}"):
        OcclusionMap.load(tmp_path / "map.npz", **asked)


WRONG = [
    pytest.param({"error": np.zeros(4)}, r"`error` of 2 dimensions, not empty, got shape \(4,\)", id="error-1d"),
    pytest.param({"error": np.zeros((0, 4))}, r"`error` of 2 dimensions, not empty, got shape \(0, 4\)", id="empty"),
    pytest.param({"error": np.full((2, 3), "a")}, "`error` of numbers, got <U1", id="error-text"),
    pytest.param({"error": np.full((2, 3), np.nan)}, "`error` of finite numbers, got NaN", id="error-nan"),
    pytest.param({"error": np.full((2, 3), 1.5)}, r"`error` in \[0, 1\], got 1.5 to 1.5", id="error-above"),
    pytest.param({"error": np.full((2, 3), -0.5)}, r"`error` in \[0, 1\], got -0.5 to -0.5", id="error-below"),
    pytest.param({"standard_error": np.full((2, 3), -1)}, r"`standard_error` in \[0, 1\]", id="standard-error-below"),
    pytest.param(
        {"standard_error": np.zeros((3, 2))}, r"`standard_error` of shape \(2, 3\), as `error`, got", id="shapes"
    ),
    pytest.param({"fill": np.zeros((1, 3))}, r"`fill` of 1 dimension, not empty, got shape \(1, 3\)", id="fill-2d"),
    pytest.param({"fill": np.full(3, 256)}, r"`fill` in \[0, 255\], got 256", id="fill-above"),
    pytest.param({"occluder_size": (20, 0)}, r"`occluder_size` as .* at least 1, got \[20, 0\]", id="occluder-zero"),
    pytest.param({"occluder_size": (20, 4, 1)}, r"`occluder_size` as \(height, width\)", id="occluder-three"),
    pytest.param({"occluder_size": (2.5, 3)}, r"`occluder_size` as \(height, width\)", id="occluder-broken"),
    pytest.param({"stride": 0}, "`stride` of at least 1, got 0", id="stride-zero"),
    pytest.param({"stride": 1.5}, "`stride` of at least 1, got 1.5", id="stride-broken"),
    pytest.param({"indices": np.array([0, -1])}, r"`indices` as whole numbers \(N,\) of at least 0", id="index-below"),
    pytest.param({"indices": np.zeros(3)}, "`indices` as whole numbers .* of float64", id="index-broken"),
    pytest.param({"indices": np.zeros((3, 1), int)}, r"`indices` .* got shape \(3, 1\)", id="index-2d"),
    pytest.param({"model": 7}, "`model` as text, got int", id="model-number"),
    pytest.param({"checkpoint": 7}, "`checkpoint` as text, got int", id="checkpoint-number"),
]


@pytest.mark.parametrize(("changes", "message"), WRONG)
def test_refuses_a_field(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"^Expected {message}"):
        make(**changes)
    with pytest.raises(DataError, match=f"map.npz: expected {message}") as error:
        OcclusionMap.load(write(tmp_path / "map.npz", **changes))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", sorted(set(FIELDS) - {"standard_error"}))
def test_refuses_a_missing_array(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"map.npz: expected the arrays \['error', .*\], found no '{name}'"):
        OcclusionMap.load(write(tmp_path / "map.npz", **{name: None}))


def test_refuses_a_missing_file(tmp_path: Path) -> None:
    for path in (tmp_path / "map.npz", tmp_path):
        with pytest.raises(DataError, match=r"expected an occlusion map, found no such file"):
            OcclusionMap.load(path)


def test_refuses_a_file_that_is_no_archive(tmp_path: Path) -> None:
    path = tmp_path / "map.npz"
    make().save(path)
    whole = path.read_bytes()
    for content in (b"", b"error: 0.5", whole[:200], whole.replace(b"\x00\x00\x00\x3f", b"\x01\x00\x00\x3f")):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"map.npz: expected an occlusion map \(.npz\), got a file that cannot be"):
            OcclusionMap.load(path)
    with path.open("wb") as file:
        np.save(file, FIELDS["error"])
    with pytest.raises(DataError, match=r"expected an occlusion map \(.npz\), got a single array"):
        OcclusionMap.load(path)


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    np.savez(tmp_path / "map.npz", **FIELDS | {"error": np.array([[None]])}, allow_pickle=True)
    with pytest.raises(DataError, match="cannot be read"):
        OcclusionMap.load(tmp_path / "map.npz")


@pytest.mark.parametrize("shape", [(1 << 31, 1 << 4), (10**18,), (-1, 4), (3, 3)])
def test_no_number_in_the_file_decides_how_much_memory_is_taken(shape: tuple[int, ...], tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"shape": shape, "fortran_order": False, "descr": "<f4"})
    write(tmp_path / "map.npz", error=None)
    with zipfile.ZipFile(tmp_path / "map.npz", "a") as archive:
        archive.writestr("error.npy", header.getvalue() + bytes(32))
    with pytest.raises(DataError, match="cannot be read"):
        OcclusionMap.load(tmp_path / "map.npz")


def test_an_archive_does_not_unpack_to_more_than_a_map(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datamodules.npz_file.MOST_BYTES", 1000)
    write(tmp_path / "map.npz", indices=np.arange(125))
    with pytest.raises(DataError, match="cannot be read"):
        OcclusionMap.load(tmp_path / "map.npz")
    np.savez_compressed(tmp_path / "map.npz", allow_pickle=True, **FIELDS | {"fill": np.zeros(1000, np.float32)})
    with pytest.raises(DataError, match="cannot be read"):
        OcclusionMap.load(tmp_path / "map.npz")


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make().save(tmp_path / "map.npz")

    def fail(file: Any, **arrays: Any) -> None:
        file.write(b"half of it")
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(OSError, match="disk full"):
        make(model="new").save(tmp_path / "map.npz")
    assert OcclusionMap.load(tmp_path / "map.npz").model == "3f2a"
    assert [path.name for path in tmp_path.iterdir()] == ["map.npz"]
