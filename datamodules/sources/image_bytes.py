"""Image files as they are, before anything decodes them."""

from pathlib import Path

from datamodules.errors import DataError


def read_bytes(path: Path) -> bytes:
    """Read an image file as it is.

    Raises:
        DataError: If it cannot be read; the message names its path.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: expected an image file, got {error.strerror}") from None
