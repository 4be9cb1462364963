"""What lies beside crops says how they were aligned, to whoever reads them later."""

import json
from pathlib import Path

import pytest

from datamodules.alignment import agreed_template, declared_settings, declared_template
from datamodules.alignment.declared import SETTINGS
from datamodules.errors import DataError


@pytest.fixture
def crops(tmp_path: Path) -> Path:
    (tmp_path / "crops/train/Ada").mkdir(parents=True)
    (tmp_path / "crops" / SETTINGS).write_text(json.dumps({"size": 112, "grey": True, "template": "lfw"}))
    return tmp_path / "crops"


def test_declaration_holds_for_the_folder_and_its_parts(crops: Path) -> None:
    for root in (crops, crops / "train", crops / "train" / "Ada"):
        assert declared_template(root) == (crops / SETTINGS, "lfw")
        found = declared_settings(root)
        assert found is not None
        assert found[1]["grey"] is True
    assert declared_template(crops.parent) is None
    assert declared_settings(crops.parent) is None


def test_given_and_declared_agree_or_are_refused(crops: Path, tmp_path: Path) -> None:
    assert agreed_template(crops, None, default="arcface") == "lfw"
    assert agreed_template(crops, "lfw", default="arcface") == "lfw"
    assert agreed_template(tmp_path, None, default="arcface") == "arcface"
    assert agreed_template(tmp_path, "lfw", default="arcface") == "lfw"
    expected = f"{crops / SETTINGS}: expected the alignment that these crops were made with, 'lfw', got 'arcface'"
    with pytest.raises(DataError) as refusal:
        agreed_template(crops, "arcface", default="arcface")
    assert str(refusal.value) == expected


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "expected settings of the crops in JSON, got ''"),
        (b"[1]", r"expected settings of the crops in JSON, got '\[1\]'"),
        (b"[" * 100_000, "expected settings of the crops in JSON"),
        (b"\xff", "expected settings of the crops in JSON, got bytes that are no text"),
        (b"{}", "expected `template`, the name of an alignment, got None"),
        (b'{"template": 3}', "expected `template`, the name of an alignment, got 3"),
    ],
)
def test_refuses_malformed_declarations(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / SETTINGS).write_bytes(content)
    with pytest.raises(DataError, match=f"{tmp_path / SETTINGS}: {reason}"):
        declared_template(tmp_path)
