"""RecordIO framing: what a writer splits and pads comes back byte for byte; what is broken is refused where it is."""

import os
import pickle
import re
import struct
from pathlib import Path

import numpy as np
import pytest

from datamodules.errors import DataError
from datamodules.sources.recordio_file import RecordFile, read_index
from tests.helpers.recordio_pack import MAGIC, frame, write_records

PAYLOADS = [
    *(bytes(range(1, length + 1)) for length in range(10)),
    MAGIC,
    MAGIC * 3,
    b"abcd" + MAGIC,
    b"abcd" + MAGIC + b"efgh",
    b"abcd" + MAGIC + b"e",
    b"a" + MAGIC + b"bcd",  # unaligned: not split
    b"abcd" + MAGIC[:3],
    MAGIC + b"abcd" + MAGIC + MAGIC + b"xyz" + MAGIC,
]


def record_file(root: Path, payloads: list[bytes]) -> tuple[RecordFile, list[int]]:
    offsets = write_records(root, list(enumerate(payloads)))
    return RecordFile(root / "train.rec"), offsets


def test_framing_of_the_golden_bytes() -> None:
    # from the format: magic, kind << 29 | length, bytes, padding
    assert frame(b"abcde").hex() == "0a23d7ce" + "05000000" + "6162636465" + "000000"
    parts = ["0a23d7ce" + "04000020" + "61626364", "0a23d7ce" + "01000060" + "65" + "000000"]
    assert frame(b"abcd" + MAGIC + b"e").hex() == "".join(parts)


def test_every_payload_comes_back(tmp_path: Path) -> None:
    file, offsets = record_file(tmp_path, PAYLOADS)
    assert file.walk().tolist() == offsets
    assert [file.read(offset) for offset in offsets] == PAYLOADS


def test_random_payloads_of_few_different_words_come_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    words = [MAGIC, b"abcd", b"\0\0\0\0", b"x"]
    payloads = [b"".join(words[word] for word in rng.integers(0, 4, rng.integers(0, 12))) for _ in range(300)]
    file, offsets = record_file(tmp_path, payloads)
    assert [file.read(offset) for offset in file.walk()] == payloads
    assert file.walk().tolist() == offsets


def test_scan_tells_length_and_first_words(tmp_path: Path) -> None:
    file, offsets = record_file(tmp_path, PAYLOADS)
    lengths, words = file.scan(np.array(offsets), words=2)
    assert lengths.tolist() == [len(payload) for payload in PAYLOADS]
    for payload, row in zip(PAYLOADS, words, strict=True):
        known = len(payload[:8]) // 4 * 4
        assert row.tobytes()[:known] == payload[:known]


def test_truncation_at_every_byte_names_an_offset(tmp_path: Path) -> None:
    file, offsets = record_file(tmp_path, PAYLOADS[8:14])
    whole = file.path.read_bytes()
    for length in range(len(whole)):
        file.path.write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"train\.rec: byte \d+: expected [^\n]+, got [^\n]+$"):
            RecordFile(file.path).scan(np.array(offsets), words=2)
        if length not in offsets or length == 0:
            with pytest.raises(DataError, match=r"byte \d+"):
                RecordFile(file.path).walk()


@pytest.mark.parametrize(
    ("at", "word", "reason"),
    [
        pytest.param(16, 0, "byte 16: expected magic word 0xced7230a, got 0x0", id="magic"),
        pytest.param(20, 1 << 20, "byte 16: expected 1048576 bytes and padding, got the end of the file", id="length"),
        pytest.param(20, 2 << 29 | 4, "byte 16: expected a part of kind 0 or 1, got kind 2", id="starts-in-middle"),
        pytest.param(20, 4 << 29 | 4, "byte 16: expected a part of kind 0 or 1, got kind 4", id="no-such-kind"),
        pytest.param(44, 1 << 29 | 4, "byte 40: expected a part of kind 2 or 3, got kind 1", id="first-twice"),
        pytest.param(44, 2 << 29 | 4, "byte 52: expected a record on a multiple of 4 bytes", id="never-ends"),
    ],
)
def test_refuses_broken_records_where_they_are(tmp_path: Path, at: int, word: int, reason: str) -> None:
    file, offsets = record_file(tmp_path, [b"12345678", b"1234", b"abcd" + MAGIC + b"wxyz"])
    assert offsets == [0, 16, 28]  # the last in two parts, at 28 and 40
    data = bytearray(file.path.read_bytes())
    struct.pack_into("<I", data, at, word)
    file.path.write_bytes(data)
    with pytest.raises(DataError, match=re.escape(reason)):
        file.scan(np.array(offsets), words=1)
    with pytest.raises(DataError, match=re.escape(reason)):
        file.walk()


@pytest.mark.parametrize("offset", [-4, 2, 4, 1 << 40, 10**18 - 2])
def test_refuses_offsets_that_are_no_record(tmp_path: Path, offset: int) -> None:
    file, _ = record_file(tmp_path, [b"abcdefgh"])
    with pytest.raises(DataError, match=f"byte {offset}: expected"):
        file.scan(np.array([offset]), words=2)
    with pytest.raises(DataError, match=f"byte {offset}: expected"):
        file.read(offset)


def test_refuses_empty_missing_and_directory(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(DataError, match="byte 0: expected a record, got an empty file"):
        RecordFile(tmp_path / "empty").walk()
    with pytest.raises(DataError, match="expected a RecordIO file, got No such file"):
        RecordFile(tmp_path / "none").walk()
    with pytest.raises(DataError, match="expected a RecordIO file, got Is a directory"):
        RecordFile(tmp_path).walk()


def test_survives_pickling_and_forking(tmp_path: Path) -> None:
    file, offsets = record_file(tmp_path, PAYLOADS)
    file.read(0)
    assert pickle.loads(pickle.dumps(file)).read(offsets[-1]) == PAYLOADS[-1]  # noqa: S301 - our own bytes
    mapped = file._map
    file._process = os.getpid() + 1  # what a forked child sees
    assert file.read(offsets[-1]) == PAYLOADS[-1]
    assert file._map is not mapped


def test_index_is_read_in_its_order(tmp_path: Path) -> None:
    (tmp_path / "train.idx").write_text("7\t0\n3\t40\n")
    keys, offsets = read_index(tmp_path / "train.idx")
    assert keys.tolist() == [7, 3]
    assert offsets.tolist() == [0, 40]


@pytest.mark.parametrize(
    "text", ["\ufeff7\t0\n3\t40", "7\t0\r\n3\t40\r\n", " 7 0 \n\n3   40\t\n", "\n7 \t 0\n3\t040\n\n"]
)
def test_an_index_may_come_from_any_editor(tmp_path: Path, text: str) -> None:
    (tmp_path / "train.idx").write_bytes(text.encode())
    keys, offsets = read_index(tmp_path / "train.idx")
    assert (keys.tolist(), offsets.tolist()) == ([7, 3], [0, 40])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1\t0\n\n2,40\n", "line 3: expected `key<tab>offset`, got '2,40'"),
        (" \n\n", "expected lines of `key<tab>offset`, got none"),
        ("", "expected lines of `key<tab>offset`, got none"),
        ("1\t0\n2\t40 5\n", "line 2: expected `key<tab>offset`, got '2\\t40 5'"),
        ("1\t0\n٣\t40\n", "line 2: expected `key<tab>offset`, got '٣"),
        ("1\t-4\n", "line 1: expected `key<tab>offset`"),
        ("1\t0.0\n", "line 1: expected `key<tab>offset`"),
        ("1\t99999999999999999999\n", "line 1: expected `key<tab>offset`"),
        ("é\t0\n", "line 1: expected `key<tab>offset`"),
        ("1\t0\n\n2\t40\n1\t80\n", "line 4: expected every key once, got 1 again"),
        ("1\t0\n2\t40\n3\t40\n", "line 3: expected every offset once, got 40 again"),
    ],
)
def test_refuses_index_lines_by_number(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "train.idx").write_text(text)
    with pytest.raises(DataError, match=re.escape(reason)):
        read_index(tmp_path / "train.idx")
