"""Folders that a visitor names are those that were allowed, and of what is in them only images are taken."""

import os
from pathlib import Path

import pytest

from datamodules.errors import DataError
from experiments.demo_page.gallery_folder import chosen_folder, images_of, readable


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Return a folder of ten files that are called images."""
    for number in range(10):
        folder = tmp_path / "people" / str(number)
        folder.mkdir(parents=True)
        (folder / "face.png").touch()
    return tmp_path / "people"


@pytest.mark.parametrize(
    "text",
    [
        *("/etc", "..", "people/../..", "people/out", "nobody", "", "people\0/x", "/"),
        *("0/face.png", "0/" + "long" * 2000, "\ud800", "~", "people/0\n/etc"),
    ],
)
def test_folders_outside_of_those_allowed_are_refused_however_they_are_named(people: Path, text: str) -> None:
    (people / "out").symlink_to("/etc")
    with pytest.raises(DataError, match="Expected"):
        chosen_folder(text, [people])


@pytest.mark.parametrize("text", ["people", "people/3", "3", " people "])
def test_folders_below_those_allowed_are_found_by_name(people: Path, text: str) -> None:
    assert chosen_folder(text, [people]).is_relative_to(people)


def test_a_folder_that_was_given_from_here_is_found_as_it_was_given(
    people: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(people.parent.parent)
    given = people.relative_to(people.parent.parent)
    assert chosen_folder(str(given), [given]) == people


def test_too_many_images_are_refused_before_one_is_read_and_links_lead_nowhere(people: Path) -> None:
    with pytest.raises(DataError, match="people: expected at most 9 images in a gallery, got more"):
        images_of(people, most=9)
    (people / "link.png").symlink_to("/etc/hostname")
    (people / "linked").symlink_to(people / "0")
    assert len(images_of(people)) == 10


def test_an_empty_folder_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected a folder with images, got none"):
        images_of(tmp_path)


def test_what_is_no_file_is_passed_over_without_being_opened(people: Path) -> None:
    os.mkfifo(people / "waits-for-ever.png")
    (people / "folder.png").mkdir()
    (people / ".hidden.png").touch()
    assert [Path(name).name for name in images_of(people)] == ["face.png"] * 10


def test_so_many_files_are_looked_at_whatever_they_are_and_no_more(people: Path) -> None:
    for number in range(30):
        (people / f"{number}.txt").touch()
    assert len(images_of(people, most_files=50)) == 10  # 30 files, and 10 folders with a file each
    with pytest.raises(DataError, match="people: expected at most 49 files and folders, got more"):
        images_of(people, most_files=49)


@pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX alone")
def test_names_that_are_no_text_can_be_shown(people: Path) -> None:
    (people / os.fsdecode(b"\xff\n\xe2\x80\xae.png")).touch()
    shown = [readable(name) for name in images_of(people)]
    assert "\ufffd??.png" in shown
    assert all(name.encode() for name in shown)
