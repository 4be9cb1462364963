"""The plainest dataset there is: one folder per identity with its images in it."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.seams.face_source import Landmarks, UInt8Image
from datamodules.sources.decode import IMAGE_EXTENSIONS, read_image
from datamodules.sources.image_bytes import read_bytes


class ImageFolder:
    """Face images in ``root/<identity>/<image>``, such as CASIA-WebFace and LFW come.

    Identities are the sub-folders that hold an image, and images the files right in them whose extension is
    known, in upper or lower case. Both are sorted by the bytes of their names, whatever the file system's
    order. Hidden files and folders, other files, and folders further down are passed over.

    Args:
        root: Folder with one sub-folder per identity.
        extensions: Extensions of images, with or without the dot.

    Raises:
        DataError: If ``root`` is no readable folder, or has no sub-folder, or none with an image in it.
    """

    def __init__(
        self,
        root: Path | str,
        extensions: Sequence[str] = IMAGE_EXTENSIONS,
    ) -> None:
        self.root = Path(root)
        self._endings = tuple(f".{extension.lower().lstrip('.')}" for extension in extensions)
        folders = sorted((name for name, is_folder in self._scan(self.root) if is_folder), key=os.fsencode)
        if not folders:
            raise DataError(f"{self.root}: expected one sub-folder per identity, got {self._contents(self.root)}")
        images = {folder: self._images(folder) for folder in folders}
        names = [name for found in images.values() for name in found]
        if not names:
            raise DataError(
                f"{self.root}: expected images ({', '.join(self._endings)}) right in its {len(folders)} sub-folders, "
                f"got {self._contents(self.root / folders[0])} in {folders[0]!r}"
            )
        self._identity_names = tuple(folder for folder, found in images.items() if found)
        self._skipped = len(folders) - len(self._identity_names)
        counts = [len(found) for found in images.values() if found]
        self._identities = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
        # One string for all names: half a million small objects would be copied into every worker process.
        self._names = b"".join(names)
        self._ends = np.cumsum([len(name) for name in names], dtype=np.int64)

    @property
    def identities(self) -> NDArray[np.int64]:
        """Identity of every image, ``(N,)``, ascending."""
        return self._identities

    @property
    def identity_names(self) -> Sequence[str]:
        """Sub-folder of every identity."""
        return self._identity_names

    @property
    def skipped(self) -> int:
        """Number of sub-folders without an image."""
        return self._skipped

    def __len__(self) -> int:
        return len(self._ends)

    def image(self, index: int) -> UInt8Image:
        """Image ``index``, ``(H, W, 3)`` uint8 RGB.

        Raises:
            DataError: If it cannot be read or decoded; the message names its path.
        """
        return read_image(self.root / self.name(index))

    def encoded(self, index: int) -> bytes:
        """The file of image ``index``, as it is.

        Raises:
            DataError: If it cannot be read.
        """
        return read_bytes(self.root / self.name(index))

    def landmarks(self, index: int) -> Landmarks | None:
        """``None``: a folder knows no landmarks."""
        return None

    def name(self, index: int) -> str:
        """Path of image ``index`` below the root, ``<identity>/<image>``."""
        index = range(len(self))[index]
        start = self._ends[index - 1] if index else 0
        return f"{self._identity_names[self._identities[index]]}/{os.fsdecode(self._names[start : self._ends[index]])}"

    def _images(self, folder: str) -> list[bytes]:
        found = self._scan(self.root / folder)
        return sorted(os.fsencode(name) for name, is_folder in found if not is_folder and self._is_image(name))

    def _is_image(self, name: str) -> bool:
        return name.lower().endswith(self._endings)

    def _scan(self, folder: Path) -> Iterator[tuple[str, bool]]:
        """Yield what is in a folder and not hidden: name, and whether it is a folder itself."""
        try:
            with os.scandir(folder) as entries:
                yield from ((entry.name, _is_folder(entry)) for entry in entries if not entry.name.startswith("."))
        except OSError as error:
            raise DataError(f"{folder}: expected a folder of images, got {error.strerror}") from None

    def _contents(self, folder: Path) -> str:
        entries = list(self._scan(folder))
        images = sum(not is_folder and self._is_image(name) for name, is_folder in entries)
        folders = sum(is_folder for _, is_folder in entries)
        return f"{images} images, {len(entries) - images - folders} other files and {folders} folders"


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False
