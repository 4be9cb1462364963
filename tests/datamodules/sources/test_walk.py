"""Images below a folder: found once, whatever links lead where."""

from pathlib import Path

import pytest

from datamodules.errors import DataError
from datamodules.sources.walk import files_below


def make(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"")


def test_finds_what_ends_so_at_any_depth(tmp_path: Path) -> None:
    make(tmp_path, "b/c.JPG", "a.jpg", "b/d/é.png", "b/notes.txt", "b/.e.jpg", ".f/g.jpg", "B.jpg", "b/Thumbs.db")
    assert files_below(tmp_path, (".jpg", ".png")) == ["B.jpg", "a.jpg", "b/c.JPG", "b/d/é.png"]


def test_links_are_followed_but_in_no_circle(tmp_path: Path) -> None:
    make(tmp_path, "root/a/1.jpg", "root/b/2.jpg", "elsewhere/3.jpg")
    root = tmp_path / "root"
    (root / "c").symlink_to(tmp_path / "elsewhere")
    for link, target in (
        ("a/up", ".."),
        ("a/top", "../.."),
        ("a/x", "../b"),
        ("b/y", "../a"),
        ("z", "z"),
        ("c/w", "/"),
    ):
        (root / link).symlink_to(target)
    assert files_below(root, (".jpg",)) == ["a/1.jpg", "a/x/2.jpg", "b/2.jpg", "b/y/1.jpg", "c/3.jpg"]


def test_refuses_what_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none: expected a folder of images, got No such file"):
        files_below(tmp_path / "none", (".jpg",))
