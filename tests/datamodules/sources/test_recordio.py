"""RecordIO packs: images and identities as written, with and without header and index; contradictions refused."""

import pickle
import re
import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from datamodules.errors import DataError
from datamodules.seams.face_source import FaceSource
from datamodules.sources.decode import decode_image
from datamodules.sources.recordio import RecordIO
from tests.helpers.faces_on_disk import encode, pseudo_face
from tests.helpers.recordio_pack import MAGIC, Label, insightface_records, pack, write_recordio, write_records

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
WRONG_RANGE = "record 7: expected one label in its range of images [1.0, 3.0], got 0 and"
NO_RANGE = "record 8: expected a range of image keys below 7, got"


@pytest.mark.parametrize(
    ("key", "payload", "reason"),
    [
        pytest.param(0, pack([8, 11], b""), f"{WRONG_COUNT} [8.0, 11.0]", id="count"),
        pytest.param(0, pack([7.0], b""), f"{WRONG_COUNT} [7.0, nan]", id="one-label"),
        pytest.param(0, pack([6, 10], b""), f"{WRONG_COUNT} [6.0, 10.0]", id="image-among-ranges"),
        pytest.param(0, pack([8, 10], b""), f"{WRONG_COUNT} [8.0, 10.0]", id="range-among-images"),
        pytest.param(3, pack(1.0, b""), "record 3: expected an image, got no bytes", id="image-empty"),
        pytest.param(9, None, "record 0: expected labels [7, 9]", id="last-range-missing"),
        pytest.param(1, pack(2.0, IMAGES[0]), f"{WRONG_RANGE} 2", id="twice"),
        pytest.param(2, pack(1.0, IMAGES[1]), f"{WRONG_RANGE} 1", id="range"),
        pytest.param(8, pack([3, 8], b""), f"{NO_RANGE} [3.0, 8.0]", id="range-beyond"),
        pytest.param(8, pack([4, 3], b""), f"{NO_RANGE} [4.0, 3.0]", id="range-reversed"),
        pytest.param(8, pack([float("nan")], b""), f"{NO_RANGE} [nan, nan]", id="range-of-nothing"),
        pytest.param(8, pack([3, float("inf")], b""), f"{NO_RANGE} [3.0, inf]", id="range-of-all"),
        pytest.param(2, b"short", "expected a header of 24 bytes, got a payload of 5", id="short"),
        pytest.param(2, struct.pack("<IfQQ", 9, 0, 0, 0), "expected a header of 60 bytes", id="labels"),
    ],
)
def test_refuses_contradictions(tmp_path: Path, key: int, payload: bytes | None, reason: str) -> None:
    write_records(tmp_path, changed(key, payload))
    with pytest.raises(DataError, match=re.escape(reason)):
        RecordIO(tmp_path)


@pytest.mark.parametrize("index", [True, False], ids=["index", "no-index"])
def test_labels_decide_where_one_has_several_ranges(tmp_path: Path, index: bool) -> None:
    labels: list[Label] = [0.0, 0.0, 1.0, 0.0, 2.0, 0.0]  # five ranges of three labels
    write_recordio(tmp_path, IMAGES, labels, index=index, classes=3)
    source = RecordIO(tmp_path)
    assert_holds_the_images(source)
    assert source.identities.tolist() == labels


@pytest.mark.parametrize("given", [(1, 1), (1, 2), (1, 4), (3, 4)])
def test_ranges_may_be_empty_overlap_or_leave_images_out(tmp_path: Path, given: tuple[int, int]) -> None:
    records = dict(insightface_records(IMAGES, [0.0] * 3 + [5.0] * 3))
    write_records(tmp_path, (records | {7: pack(given, b"")}).items())
    assert RecordIO(tmp_path).identities.tolist() == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize("boundary", range(-1, 5))
def test_ranges_are_as_precise_as_float32_beyond_2_to_the_24(tmp_path: Path, boundary: int) -> None:
    first, second, stop = (1 << 24) - 2, (1 << 24) + boundary, (1 << 24) + 6
    images = [(key, pack(float(key >= second), IMAGES[0], key=key)) for key in range(first, stop)]
    ranges = [(stop, pack([first, second], b"")), (stop + 1, pack([second, stop], b""))]
    write_records(tmp_path, [(0, pack([stop, stop + 2], b"")), *images, *ranges])
    assert RecordIO(tmp_path).identities.tolist() == [int(key >= second) for key in range(first, stop)]


@pytest.mark.parametrize("key", [1, 3, 6, 7])
@pytest.mark.parametrize("index", [True, False], ids=["index", "no-index"])
def test_records_that_were_taken_out_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, key: int, index: bool
) -> None:
    write_records(tmp_path, changed(key, None), index=index)
    source = RecordIO(tmp_path)
    assert [source.name(image) for image in range(len(source))] == [str(k) for k in range(1, 7) if k != key]
    assert "train.rec: 1 of the records that record 0 announces are not there" in caplog.text


def test_lines_of_an_index_in_any_order_read_the_same(tmp_path: Path) -> None:
    write_recordio(tmp_path, IMAGES, LABELS)
    index = tmp_path / "train.idx"
    index.write_text("".join(reversed(index.read_text().splitlines(keepends=True))))
    assert_holds_the_images(RecordIO(tmp_path))


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
        ("9" * 5000 + ",112,112", "expected `identities,height,width`"),
        ("٣,112,112", "expected `identities,height,width`"),
    ],
)
def test_refuses_a_property_that_counts_otherwise(tmp_path: Path, text: str, reason: str) -> None:
    write_recordio(tmp_path, IMAGES, LABELS)
    (tmp_path / "property").write_text(text)
    with pytest.raises(DataError, match=f"property: {re.escape(reason)}"):
        RecordIO(tmp_path)


@pytest.mark.parametrize("text", ["3,112,112\r\n", "\ufeff3, 112, 112", "3 112 112\n", "10,112,112"])
def test_property_is_read_as_it_is_meant(tmp_path: Path, text: str) -> None:
    write_recordio(tmp_path, IMAGES, [0.0, 0.0, 4.0, 9.0, 9.0, 9.0])  # three labels, of ten up to the greatest
    (tmp_path / "property").write_bytes(text.encode())
    assert RecordIO(tmp_path).identity_names == ("0", "4", "9")


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
