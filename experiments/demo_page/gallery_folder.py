"""Folders of images that a visitor may name: those that the page was started with, and what is below them."""

import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from datamodules.errors import DataError
from datamodules.sources.decode import IMAGE_EXTENSIONS

MOST_IMAGES = 2000
MOST_FILES = 50_000
"""Files of any kind, and folders, that are looked at for them."""


def chosen_folder(text: str, allowed: Sequence[Path]) -> Path:
    """Return a folder that is one of those allowed, or below one; links are followed before it is looked at.

    Raises:
        DataError: If it is none.
    """
    if "\0" in text or not text.strip() or not is_name(text):
        raise DataError("Expected the name of a folder, got none")
    given = Path(text.strip())
    tried = [given, *(one.parent / given for one in allowed), *(one / given for one in allowed)]
    for folder in tried:
        place = Path(os.path.realpath(folder))
        if any(place.is_relative_to(os.path.realpath(one)) for one in allowed) and is_folder(place):
            return place
    names = ", ".join(readable(one) for one in allowed)
    raise DataError(
        f"Expected a folder below one of those that the page was started with, {names}, got {text.strip()!r}"
    )


def is_folder(place: Path) -> bool:
    """Whether there is a folder that can be looked into; a name that no file can have is none."""
    return os.path.isdir(place) and os.access(place, os.R_OK | os.X_OK)  # noqa: PTH112  Path's raises at long names


def is_name(text: str) -> bool:
    r"""Whether a text can be a path's.

    Example:
        >>> is_name("faces"), is_name("\ud800")
        (True, False)
    """
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return True


def readable(path: Path | str) -> str:
    r"""Return a path as text that can be shown, whatever bytes are in it.

    Example:
        >>> readable(os.fsdecode(b"face-\xff\n.png"))
        'face-�?.png'
    """
    text = os.fsencode(path).decode(errors="replace")
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def images_of(folder: Path, most: int = MOST_IMAGES, most_files: int = MOST_FILES) -> list[str]:
    """Return the images at any depth of a folder, as paths below it; what is a link or no file is passed over.

    Raises:
        DataError: If there are none, or too many: those beyond are not even listed.
    """
    found: list[str] = []
    for number, name in enumerate(files_below(folder, most_files + 1)):
        if number >= most_files:
            raise DataError(f"{readable(folder.name)}: expected at most {most_files:,} files and folders, got more")
        if name is None or not name.lower().endswith(IMAGE_EXTENSIONS):
            continue
        found.append(name)
        if len(found) > most:
            raise DataError(f"{readable(folder.name)}: expected at most {most:,} images in a gallery, got more")
    if not found:
        raise DataError(f"{readable(folder.name)}: expected a folder with images, got none")
    return sorted(found)


def files_below(top: Path, most: int) -> Iterator[str | None]:
    """Yield the files below a folder as paths below it, and ``None`` for all else; of one folder so many at most."""
    waiting = [top]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as listed:
                entries = list(islice(listed, most))
        except OSError:  # that nobody may look into, or that is gone
            continue
        for entry in sorted(entries, key=lambda entry: entry.name):
            shown = not entry.name.startswith(".")
            if shown and entry.is_dir(follow_symlinks=False):
                waiting.append(Path(entry.path))
            is_file = shown and entry.is_file(follow_symlinks=False)
            yield str(Path(entry.path).relative_to(top)) if is_file else None
