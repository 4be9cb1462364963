"""Image files as they are stored: what is copied, not decoded and encoded again."""

from typing import Protocol, runtime_checkable


@runtime_checkable
class ImageFiles(Protocol):
    """What a source has whose images are files of a common format."""

    def encoded(self, index: int) -> bytes:
        """The file of image ``index``, as it is.

        Raises:
            DataError: If it cannot be read; the message names it.
        """
        ...
