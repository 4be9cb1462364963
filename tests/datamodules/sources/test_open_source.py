"""Opening a dataset by its path: the layout on disk decides, and a line says what was found."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.seams.face_source import FaceSource
from datamodules.sources.image_folder import ImageFolder
from datamodules.sources.open_source import describe, open_source
from datamodules.sources.recordio import RecordIO
from datamodules.sources.shards import Shards
from tests.helpers.faces_on_disk import encode, pseudo_face, write_image_folder
from tests.helpers.recordio_pack import write_recordio
from tests.helpers.sharded_faces import sharded, write_tar

REAL = Path(__file__).parents[3] / "../shared/faces"


def test_opens_a_pack(tmp_path: Path) -> None:
    write_recordio(tmp_path, [encode(pseudo_face(0, size=(8, 8)))] * 3, [0, 0, 1])
    source = open_source(str(tmp_path))
    assert isinstance(source, RecordIO)
    assert describe(source) == f"InsightFace RecordIO {tmp_path}: 3 images of 2 identities"


def test_opens_an_image_folder(tmp_path: Path) -> None:
    source = open_source(write_image_folder(tmp_path, {"ann": 2, "bea": 1}, size=(8, 8)))
    assert isinstance(source, ImageFolder)
    assert describe(source) == f"image folder {tmp_path}: 3 images of 2 identities"


def test_an_archive_beside_the_folders_that_were_taken_out_of_it_is_no_shard(tmp_path: Path) -> None:
    write_image_folder(tmp_path / "faces", {"ann": 2, "bea": 1}, size=(8, 8))
    write_tar(tmp_path / "faces/all.tar", [("ann/1.jpg", b"")])
    assert isinstance(open_source(tmp_path / "faces"), ImageFolder)
    shards = sharded(tmp_path / "faces", tmp_path / "shards")
    write_image_folder(shards.root / "pictures", {"ann": 1}, size=(8, 8))
    assert isinstance(open_source(shards.root), Shards)
    (shards.root / "shards.json").unlink()
    with pytest.raises(DataError, match=r"expected shards with their index, got none; `python -m experiments\.shard"):
        open_source(shards.root)


def test_tells_of_empty_folders(tmp_path: Path) -> None:
    write_image_folder(tmp_path, {"ann": 2, "bea": 0}, size=(8, 8))
    expected = f"image folder {tmp_path}: 2 images of 1 identities (1 empty folders skipped)"
    assert describe(open_source(tmp_path)) == expected


def test_describes_any_source() -> None:
    class Made:
        identity_names = ("x",)
        identities: NDArray[np.int64] = np.zeros(1234, dtype=np.int64)

        def __len__(self) -> int:
            return 1234

        def image(self, index: int) -> NDArray[np.uint8]:
            return pseudo_face(index)

        def landmarks(self, index: int) -> None:
            return None

        def name(self, index: int) -> str:
            return str(index)

    made: FaceSource = Made()
    assert describe(made) == "Made: 1,234 images of 1 identities"


def test_refuses_paths_that_are_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"none: expected a folder with train\.rec, shards or one sub-folder .* got nothing there"
    ):
        open_source(tmp_path / "none")
    (tmp_path / "train.rec").write_bytes(b"")
    with pytest.raises(DataError, match=r"train\.rec: expected a folder with train\.rec, .* got the file train\.rec"):
        open_source(tmp_path / "train.rec")


def test_refuses_a_pack_without_its_records(tmp_path: Path) -> None:
    (tmp_path / "train.idx").write_text("0\t0\n")
    with pytest.raises(DataError, match=r"train\.rec: expected a RecordIO file, got No such file"):
        open_source(tmp_path)


@pytest.mark.skipif(not REAL.is_dir(), reason="the real sample is not part of the project")
def test_real_samples() -> None:
    assert describe(open_source(REAL / "lfw")).endswith("13,233 images of 5,749 identities")
    assert describe(open_source(REAL / "recordio")).endswith("156 images of 30 identities")
