"""Files of networks: what is none is told by its beginning."""

from pathlib import Path
from typing import Any

import pytest

from lightning_modules.extractors import OnnxExtractor, TorchScriptExtractor


@pytest.mark.parametrize("kind", [TorchScriptExtractor, OnnxExtractor])
def test_refuses_missing_files(kind: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nowhere, which is not there"):
        kind(str(tmp_path / "nowhere"), image_size=8)


@pytest.mark.parametrize("kind", [TorchScriptExtractor, OnnxExtractor])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "an empty file"),
        (b"<html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
    ],
)
def test_a_file_of_another_kind_is_told(kind: Any, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "net").write_bytes(content)
    with pytest.raises(ValueError, match=f"a file of a network, got .*net: {message}"):
        kind(str(tmp_path / "net"), image_size=8)
