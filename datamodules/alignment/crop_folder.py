"""Where crops are written, whole or not at all, and never two kinds of them in one folder."""

import fcntl
import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import cv2
import numpy as np

from datamodules.alignment.declared import SETTINGS, parsed_settings
from datamodules.errors import DataError
from datamodules.seams.face_source import UInt8Image
from datamodules.sources.decode import decode_image
from datamodules.whole_file import write_whole

JPEG_QUALITY = 95

Format = Literal["jpg", "png"]


class CropFolder:
    """A folder of crops that were all made with the same settings; a context, so that one run writes to it at a time.

    Args:
        root: The folder; made where it is missing.
        settings: What the crops are made with, by name.
        size: Height and width of the crops in pixels.
        format: Of the crops.

    Raises:
        DataError: If the folder has crops of other settings, or files but no settings, or another run writes to it.
    """

    def __init__(self, root: Path | str, settings: Mapping[str, Any], *, size: int, format: Format) -> None:  # noqa: A002 - as on the command line
        self.root = Path(root)
        self.size = size
        self.ending = f".{format}"
        self.settings = {**settings, "format": format} | ({"quality": JPEG_QUALITY} if format == "jpg" else {})
        self._claim()

    def _claim(self) -> None:
        path = self.root / SETTINGS
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            if not path.exists() and any(not entry.name.startswith(".") for entry in self.root.iterdir()):
                raise DataError(f"{self.root}: expected an empty folder, or one with {SETTINGS}, got other files")
            self._file = path.open("a+", encoding="utf-8")
        except OSError as error:
            raise DataError(f"{self.root}: expected a folder to write to, got {error.strerror}") from None
        try:
            self._lock()
            self._compare(path)
        except DataError:
            self._file.close()
            raise

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataError(f"{self.root}: expected no other run that writes to it, got one") from None
        except OSError:
            pass  # a file system without locks

    def _compare(self, path: Path) -> None:
        """Compare with the settings that are there, or write them."""
        self._file.seek(0)
        try:
            found = self._file.read()
        except UnicodeDecodeError:
            raise DataError(f"{path}: expected settings of the crops in JSON, got bytes that are no text") from None
        if not found:
            self._file.write(json.dumps(self.settings, indent=2) + "\n")
            self._file.flush()
            return
        theirs = parsed_settings(path, found)
        for name in sorted({*self.settings, *theirs}):
            ours, before = self.settings.get(name), theirs.get(name)
            if ours != before:
                raise DataError(f"{path}: expected {name} {before!r} as before, got {ours!r}")

    def __enter__(self) -> "CropFolder":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def place(self, name: str) -> str:
        """Return the crop's path below the root for an image's path below its own.

        The ending becomes that of the format.
        """
        return str(Path(name).with_suffix(self.ending))

    def has(self, place: str) -> bool:
        """Whether a crop is there, whole and of the right size."""
        path = self.root / place
        try:
            return decode_image(path.read_bytes(), name=place).shape[:2] == (self.size, self.size)
        except (OSError, DataError):
            return False

    def write(self, place: str, crop: UInt8Image) -> None:
        """Write a crop so that ``place`` holds it whole, or what it held before.

        Raises:
            DataError: If it cannot be written.
        """
        path = self.root / place
        pixels = crop if crop.ndim == 2 else np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2BGR), np.uint8)
        options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if self.ending == ".jpg" else []
        try:
            write_whole(path, cv2.imencode(self.ending, pixels, options)[1].tobytes(), lasting=False)
        except OSError as error:
            raise DataError(f"{path}: expected to write a crop, got {error.strerror}") from None
