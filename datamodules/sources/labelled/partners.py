"""Which mask belongs to which image: by their paths below their folders, or by names that only they share."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from datamodules.errors import DataError
from datamodules.sources.decode import IMAGE_EXTENSIONS
from datamodules.sources.walk import files_below

SHOWN = 10
"""Files that a message names."""


def listed(files: Sequence[str]) -> str:
    """Return names in one line, the first of many.

    Example:
        >>> listed([f"{number}.png" for number in range(12)])
        '0.png, 1.png, 2.png, 3.png, 4.png, 5.png, 6.png, 7.png, 8.png, 9.png and 2 others'
    """
    left = len(files) - SHOWN
    return ", ".join(files[:SHOWN]) + (f" and {left:,} other{'s' * (left > 1)}" if left > 0 else "")


def stems_below(root: Path, suffix: str = "") -> dict[str, str]:
    """Return the images below a folder: paths without extension and ``suffix``, and the paths.

    Args:
        root: The folder.
        suffix: What their names end with before the extension; others are passed over.

    Raises:
        DataError: If it is no readable folder, or two files differ in their extension alone.
    """
    found: dict[str, str] = {}
    for path in files_below(root, IMAGE_EXTENSIONS):
        stem = path.rpartition(".")[0]
        if suffix and not stem.lower().endswith(suffix.lower()):
            continue
        stem = stem[: len(stem) - len(suffix)]
        if stem in found:
            raise DataError(f"{root}: expected one file of a name, got {found[stem]} and {path}")
        found[stem] = path
    return found


def partners(images: Mapping[str, str], masks: Mapping[str, str]) -> dict[str, str]:
    """Return the mask of each image that has one, by the image's stem.

    Args:
        images: Paths by stem, as :func:`stems_below` returns them.
        masks: Paths by stem.

    Example:
        >>> partners({"a/1": "a/1.jpg", "2": "2.jpg"}, {"a/1": "a/1.png", "val/2": "val/2.png"})
        {'a/1': 'a/1.png', '2': 'val/2.png'}
    """
    found = {stem: masks[stem] for stem in images if stem in masks}
    left_images, left_masks = ([stem for stem in part if stem not in found] for part in (images, masks))
    by_name = _only(left_masks)
    for name, stem in _only(left_images).items():
        if name in by_name:
            found[stem] = masks[by_name[name]]
    return found


def _only(stems: Iterable[str]) -> dict[str, str]:
    """Return the stems whose name no other has, by it."""
    names = [(stem.rpartition("/")[2], stem) for stem in stems]
    counts = Counter(name for name, _ in names)
    return {name: stem for name, stem in names if counts[name] == 1}


def chosen(
    root: Path, stems: Sequence[str], table: Path | str | None, *, alike: Callable[[str], str] = str
) -> list[str]:
    """Return the images of a list, in its order; all where there is none.

    Args:
        root: Their folder, for messages.
        stems: Of the images that there are.
        table: Text file: a name or path on each line, with or without extension.
        alike: What of a name has to be the same, such as a number without zeros before it.

    Raises:
        DataError: If the list cannot be read, is empty, or names an image twice or one that is not there.
    """
    if table is None:
        return list(stems)
    try:
        lines = [line.strip().replace("\\", "/") for line in Path(table).read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{table}: expected a list of images, got {error}") from None
    wanted = [without_extension(line) for line in lines if line]
    known = {alike(name): stem for name, stem in (*_only(stems).items(), *((stem, stem) for stem in stems))}
    if absent := [name for name in wanted if alike(name) not in known]:
        raise DataError(f"{table}: expected images of {root}, got {len(absent)} that are not there: {listed(absent)}")
    found = [known[alike(name)] for name in wanted]
    if twice := [name for name, count in Counter(found).items() if count > 1]:
        raise DataError(f"{table}: expected every image once, got again {listed(twice)}")
    if not found:
        raise DataError(f"{table}: expected a list of images, got an empty file")
    return found


def without_extension(name: str) -> str:
    """Return a name without its image format; other dots stay.

    Example:
        >>> [without_extension(name) for name in ("a.b/1.JPG", "v1.5/2")]
        ['a.b/1', 'v1.5/2']
    """
    stem, extension = os.path.splitext(name)  # noqa: PTH122  a path's dots in folders stay
    return stem if extension.lower() in IMAGE_EXTENSIONS else name
