"""Images of people that are named and numbered, ``Name/Name_0001.jpg``, as LFW's are."""

import errno
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from datamodules.errors import DataError
from datamodules.sources.decode import IMAGE_EXTENSIONS


def identity_of(image: str) -> str:
    """Return whom an image shows, by its name."""
    return image.partition("/")[0]


def find_numbered(root: Path, images: Iterable[str]) -> dict[str, str]:
    """Return the file of every image that has one, with any of ``IMAGE_EXTENSIONS`` in upper or lower case.

    Args:
        root: Folder with one sub-folder per identity.
        images: Names without extension, ``Name/Name_0001``.

    Raises:
        DataError: If ``root`` or a folder in it cannot be read, or an image is there in two formats.
    """
    if not root.is_dir():
        raise DataError(f"{root}: expected a folder of images, got {'a file' if root.exists() else 'nothing'}")
    wanted = set(images)
    files: dict[str, str] = {}
    for identity in sorted({identity_of(image) for image in wanted}):
        for file in _list(root / identity):
            image = f"{identity}/{PurePosixPath(file).stem}"
            if image not in wanted:
                continue
            if image in files:
                raise DataError(f"{root}: expected one file of {image}, got {files[image]} and {identity}/{file}")
            files[image] = f"{identity}/{file}"
    return files


def _list(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir() if path.suffix.lower() in IMAGE_EXTENSIONS)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return []
        raise DataError(f"{folder}: expected a folder of images, got {error.strerror}") from None
