"""The manifest of a made LFW-occ: read as written, and refused by line."""

import re
import struct
import zlib
from pathlib import Path

import pytest

from datamodules.errors import DataError
from datamodules.protocols.lfw_occ.made_protocol import read_label_map, read_settings
from datamodules.protocols.lfw_occ.manifest import ManifestRow, read_manifest, write_manifest

ROW = ManifestRow("7", "1", "ann/1.jpg", "cup", "3", "1 2 3 4 5 6", "0", "0.25", *["0a" * 32] * 3)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    rows = [ROW, ROW._replace(pair="8"), ROW._replace(category="scarf")]
    write_manifest(tmp_path / "m.csv", rows)
    assert read_manifest(tmp_path / "m.csv") == {("cup", 7): rows[0], ("cup", 8): rows[1], ("scarf", 7): rows[2]}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("", "line 1: expected columns pair,fold,image,", id="empty"),
        pytest.param("pair,fold\n", "line 1: expected columns pair,fold,image,", id="columns"),
        pytest.param(
            ROW[:-1], "line 2: expected a pair's number, … and three SHA-256, got '7,1,ann/1.jpg,", id="short"
        ),
        pytest.param(ROW._replace(pair="9" * 5000), "line 2: expected a pair's number, ", id="digits"),
        pytest.param(ROW._replace(pair="²"), "line 2: expected a pair's number, ", id="no digit"),
        pytest.param(ROW._replace(sha256="0A" * 32), "line 2: expected a pair's number, ", id="hash"),
        pytest.param(
            (*ROW[:-1], f"{ROW[-1]}\n{','.join(ROW)}"), "line 3: expected every image once, got cup, pair 7", id="again"
        ),
    ],
)
def test_refuses_other_lines(tmp_path: Path, text: str | tuple[str, ...], reason: str) -> None:
    content = text if isinstance(text, str) else f"{','.join(ManifestRow._fields)}\n{','.join(text)}\n"
    (tmp_path / "m.csv").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=re.escape(f"m.csv: {reason}")):
        read_manifest(tmp_path / "m.csv")


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "9" * 5000, '{"settings": []}', '"settings"'])
def test_refuses_other_settings(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(DataError, match=r"manifest\.json: expected (the )?settings"):
        read_settings(tmp_path)


def test_refuses_a_label_map_of_more_pixels_than_can_be(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 1 << 30, 1 << 30, 1, 0, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    (tmp_path / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk)
    with pytest.raises(DataError, match=r"1\.png: expected a label map, got a broken image"):
        read_label_map(tmp_path / "1.png")
