"""Whom a sample shows: a whole number in ``.cls``, or a field of ``.json``."""

from functools import partial

import pytest

from datamodules.errors import DataError
from datamodules.sources.shards.shard_label import Label, label_of


def label(field: str | None = None, **files: bytes) -> Label:
    return label_of("a.tar: 1", {ending: partial(bytes, data) for ending, data in files.items()}, field)


@pytest.mark.parametrize(
    ("files", "field", "expected"),
    [
        ({"cls": b"12"}, None, 12),
        ({"cls": b" 12\n", "json": b'{"label": 3}'}, None, 12),
        ({"cls": b"12", "json": b'{"label": 3}'}, "label", 3),
        ({"json": b'{"label": 3}'}, None, 3),
        ({"json": b'{"identity": "Ada"}'}, None, "Ada"),
        ({"json": b'{"who": "Ada", "label": 3}'}, "who", "Ada"),
    ],
)
def test_labels(files: dict[str, bytes], field: str | None, expected: Label) -> None:
    assert label(field, **files) == expected


@pytest.mark.parametrize(
    ("files", "field", "message"),
    [
        ({"jpg": b""}, None, r"^a\.tar: 1: expected a \.cls or \.json that says whom it shows, got jpg$"),
        ({"cls": b"1", "jpg": b""}, "who", r"^a\.tar: 1: expected a \.json that says whom it shows, got cls, jpg$"),
        ({"cls": b"1.5"}, None, r"^a\.tar: 1\.cls: expected a whole number, got '1\.5'$"),
        ({"cls": b"9" * 50}, None, r"^a\.tar: 1\.cls: expected a whole number, got '9{40}'$"),
        ({"cls": b"\xff"}, None, r"^a\.tar: 1\.cls: expected a whole number, got '.*'$"),
        ({"json": b"[1]"}, None, r"^a\.tar: 1\.json: expected fields in JSON, got b'\[1\]'$"),
        ({"json": b"[" * 100_000}, None, r"^a\.tar: 1\.json: expected fields in JSON"),
        ({"json": b'{"label": true}'}, None, r"^a\.tar: 1\.json: expected label or identity, .* got True$"),
        ({"json": b'{"label": 1.5}'}, None, r"^a\.tar: 1\.json: expected label or identity, .* got 1\.5$"),
        ({"json": b'{"label": ""}'}, None, r"^a\.tar: 1\.json: expected label or identity, .* got ''$"),
        ({"json": b'{"other": 1}'}, "who", r"^a\.tar: 1\.json: expected who, a whole number or a name, got None$"),
    ],
)
def test_what_is_no_label_is_refused(files: dict[str, bytes], field: str | None, message: str) -> None:
    with pytest.raises(DataError, match=message):
        label(field, **files)
