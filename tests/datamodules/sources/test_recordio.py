"""RecordIO packs: images and identities as written, with and without header and index; contradictions refused."""

import pickle
import re
import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from datamodules.errors import DataError
from datamodules.sources.decode import decode_image
from datamodules.sources.recordio import RecordIO
from datamodules.sources.source import FaceSource
from tests.helpers.faces_on_disk import encode, pseudo_face
from tests.helpers.recordio import MAGIC, Label, insightface_records, pack, write_recordio, write_records

REAL = Path(__file__).parents[3] / "../shared/faces"
LABELS = [0.0, 0.0, 1.0, 2.0, 2.0, 2.0]
IMAGES = [encode(pseudo_face(int(label), shot, size=(8, 8)), "png") for shot, label in enumerate(LABELS)]


def assert_holds_the_images(source: RecordIO) -> None:
    assert len(source) == len(IMAGES)
    for index, data in enumerate(IMAGES):
        assert_array_equal(source.image(index), decode_image(data, name="x"))


@pytest.mark.parametrize("index", [True, False], ids=["index", "no-index"])
@pytest.mark.parametrize("header", [True, False], ids=["insightface", "plain"])
@pytest.mark.parametrize("labels", [LABELS, [[label, 1.0] for label in LABELS], [[label] for label in LABELS]])
def test_holds_what_was_written(tmp_path: Path, labels: list[Label], header: bool, index: bool) -> None:
    write_recordio(tmp_path, IMAGES, labels, header=header, index=index, classes=3)
    source = RecordIO(str(tmp_path))
    assert isinstance(source, FaceSource)
    assert_holds_the_images(source)
    assert source.identities.tolist() == [0, 0, 1, 2, 2, 2]
    assert source.identities.dtype == np.int64
    assert source.identity_names == ("0", "1", "2")
    assert source.name(0) == ("1" if header else "0")
    assert source.landmarks(0) is None


def test_identities_follow_ascending_labels_whatever_they_are(tmp_path: Path) -> None:
    write_recordio(tmp_path, IMAGES, [10, 10, 9, 400, 400, 400])
    source = RecordIO(tmp_path)
    assert source.identities.tolist() == [1, 1, 0, 2, 2, 2]
    assert source.identity_names == ("9", "10", "400")


def test_records_in_any_order_read_the_same(tmp_path: Path) -> None:
    records = insightface_records(IMAGES, LABELS)
    write_records(tmp_path, [*records[1:7], records[0], *records[7:]], index=False)  # as InsightFace's packer does
    source = RecordIO(tmp_path)
    assert_holds_the_images(source)
    assert [source.name(index) for index in range(6)] == ["1", "2", "3", "4", "5", "6"]


def test_without_index_and_with_repeated_ids_keys_are_positions(tmp_path: Path) -> None:
    write_records(tmp_path, [(0, pack(label, image)) for label, image in zip(LABELS, IMAGES, strict=True)], index=False)
    source = RecordIO(tmp_path)
    assert_holds_the_images(source)
    assert source.name(5) == "5"


def test_a_header_without_identity_records_is_enough(tmp_path: Path) -> None:
    write_records(tmp_path, insightface_records(IMAGES, LABELS)[:-3])
    assert_holds_the_images(RecordIO(tmp_path))


def test_images_holding_the_magic_word_are_whole(tmp_path: Path) -> None:
    data = encode(pseudo_face(0, size=(8, 8)), "png")
    images = [data + bytes(pad) + MAGIC + b"tail" for pad in range(4)]  # aligned once in four
    write_recordio(tmp_path, images, [0.0] * 4, header=False)
    source = RecordIO(tmp_path)
    for index in range(4):
        assert_array_equal(source.image(index), decode_image(data, name="x"))


def test_pickles_small_and_reads_on(tmp_path: Path) -> None:
    write_recordio(tmp_path, IMAGES * 20, LABELS * 20, header=False)
    source = RecordIO(tmp_path)
    source.image(0)
    copied = pickle.dumps(source)
    assert len(copied) < (tmp_path / "train.rec").stat().st_size
    assert_array_equal(pickle.loads(copied).image(7), source.image(7))  # noqa: S301 - our own bytes


@pytest.mark.parametrize("index", [True, False], ids=["index", "no-index"])
def test_truncation_at_every_byte_is_refused(tmp_path: Path, index: bool) -> None:
    write_recordio(tmp_path, [image[:40] for image in IMAGES], LABELS, index=index)
    file = tmp_path / "train.rec"
    whole = file.read_bytes()
    where = "byte" if index else "byte|record 0"  # whole records lost without an index: the header counts them
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        if not index and length == len(whole) - 3 * 40:
            continue  # a header without any identity record is a layout of its own
        with pytest.raises(DataError, match=rf"train\.rec: ({where}|expected)[^\n]+$"):
            RecordIO(tmp_path)


def test_a_broken_image_is_refused_by_key_when_asked_for(tmp_path: Path) -> None:
    write_recordio(tmp_path, [IMAGES[0], IMAGES[1][:-9]], [0.0, 0.0])
    source = RecordIO(tmp_path)
    assert source.image(0).shape == (8, 8, 3)
    with pytest.raises(DataError, match=r"train\.rec: record 2: expected a complete PNG"):
        source.image(1)


@pytest.mark.parametrize("label", [0.5, float("nan"), float("inf"), 2.0**24, 3e38])
def test_refuses_labels_that_are_no_identity(tmp_path: Path, label: float) -> None:
    write_recordio(tmp_path, IMAGES, [0, 0, 1, label, 2, 2], header=False)
    with pytest.raises(DataError, match=r"record 3: expected a whole number below 2\*\*24 as label, got"):
        RecordIO(tmp_path)


def changed(key: int, payload: bytes | None) -> list[tuple[int, bytes]]:
    """InsightFace records with one replaced or left out."""
    records = dict(insightface_records(IMAGES, LABELS))
    if payload is None:
        del records[key]
    else:
        records[key] = payload
    return list(records.items())


WRONG_COUNT = "record 0: expected labels [7, 10] for 6 images, got"
WRONG_KEYS = "expected images with keys 1 to 5 without gaps"
WRONG_RUNS = "expected one label and one run of images per identity range, got"
WRONG_RANGE = "record 7: expected range [1.0, 2.0] as the labels run, got [1.0, 3.0]"


@pytest.mark.parametrize(
    ("key", "payload", "reason"),
    [
        pytest.param(0, pack([8, 11], b""), f"{WRONG_COUNT} [8.0, 11.0]", id="count"),
        pytest.param(0, pack([7.0], b""), f"{WRONG_COUNT} [7.0, nan]", id="one-label"),
        pytest.param(3, None, WRONG_KEYS, id="image-missing"),
        pytest.param(3, pack(1.0, b""), WRONG_KEYS, id="image-empty"),
        pytest.param(9, None, "record 0: expected labels [7, 9]", id="range-missing"),
        pytest.param(3, pack(0.0, IMAGES[2]), WRONG_RUNS, id="label"),
        pytest.param(1, pack(2.0, IMAGES[0]), WRONG_RUNS, id="twice"),
        pytest.param(2, pack(1.0, IMAGES[1]), WRONG_RANGE, id="range"),
        pytest.param(2, b"short", "expected a header of 24 bytes, got a payload of 5", id="short"),
        pytest.param(2, struct.pack("<IfQQ", 9, 0, 0, 0), "expected a header of 60 bytes", id="labels"),
    ],
)
def test_refuses_contradictions(tmp_path: Path, key: int, payload: bytes | None, reason: str) -> None:
    write_records(tmp_path, changed(key, payload))
    with pytest.raises(DataError, match=re.escape(reason)):
        RecordIO(tmp_path)


def test_refuses_plain_records_without_an_image(tmp_path: Path) -> None:
    write_recordio(tmp_path, [IMAGES[0], b""], [0.0, 1.0], header=False)
    with pytest.raises(DataError, match="record 1: expected an image, got no bytes"):
        RecordIO(tmp_path)


def test_refuses_a_pack_without_images(tmp_path: Path) -> None:
    write_records(tmp_path, [(0, pack([1.0, 1.0], b""))])
    with pytest.raises(DataError, match="expected images, got 1 records without one"):
        RecordIO(tmp_path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("4,112,112", "expected 3 identities as train.rec holds, got 4; correct it or remove it"),
        ("3", "expected `identities,height,width`, got '3'"),
        ("three,112,112", "expected `identities,height,width`"),
    ],
)
def test_refuses_a_property_that_counts_otherwise(tmp_path: Path, text: str, reason: str) -> None:
    write_recordio(tmp_path, IMAGES, LABELS)
    (tmp_path / "property").write_text(text)
    with pytest.raises(DataError, match=f"property: {re.escape(reason)}"):
        RecordIO(tmp_path)


@pytest.mark.skipif(not REAL.is_dir(), reason="the real sample is not part of the project")
@pytest.mark.parametrize("index", [True, False], ids=["index", "no-index"])
def test_real_pack_is_the_faces_it_was_made_of(tmp_path: Path, index: bool) -> None:
    root = REAL / "recordio"
    if not index:
        (tmp_path / "train.rec").symlink_to((root / "train.rec").resolve())
        root = tmp_path
    source = RecordIO(root)
    assert len(source) == 156
    assert len(source.identity_names) == 30
    assert np.bincount(source.identities).min() >= 4
    faces = [source.image(index) for index in range(156)]
    assert {face.shape for face in faces} == {(112, 112, 3)}
    first = [path.read_bytes() for path in sorted((REAL / "lfw/Aaron_Peirsol").iterdir())]
    for face, data in zip(faces, first, strict=False):
        assert_array_equal(face, decode_image(data, name="lfw"))
