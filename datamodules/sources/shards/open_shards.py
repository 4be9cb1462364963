"""Files that are read at many places: kept open, a bounded number at once, and read ahead in long stretches."""

import os
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from datamodules.errors import DataError

KEPT_OPEN = 256
"""Of a process; systems allow 1,024 and more."""
_AHEAD = 1 << 17
"""Bytes of one request: Linux takes no more of a larger one than the device's read-ahead, which is this or more."""


class OpenShards:
    """Files by number, opened when first read. Several threads may read; instances can be pickled, and survive a fork.

    Args:
        paths: Of the files.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = paths
        self._opened = self._keep_open()

    def read(self, number: int, offset: int, size: int) -> bytes:
        """Return bytes of a file, fewer than ``size`` where it ends.

        Raises:
            DataError: If it cannot be read.
        """
        try:
            opened = self._opened(number)  # held until it is read
            return os.pread(opened.descriptor, size, offset)
        except OSError as error:
            raise DataError(f"{self.paths[number]}: expected a shard, got {error.strerror}") from None

    def will_need(self, number: int, offset: int, stop: int) -> None:
        """Let the system read bytes of a file into its cache, where whoever reads them finds them; does not wait.

        What is wrong with the file, reading says.
        """
        try:
            opened = self._opened(number)
            for start in range(offset, stop, _AHEAD):
                os.posix_fadvise(opened.descriptor, start, min(_AHEAD, stop - start), os.POSIX_FADV_WILLNEED)
        except OSError:
            return

    def __getstate__(self) -> dict[str, Any]:
        return {"paths": self.paths}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["paths"])  # type: ignore[misc]  # all that there is

    def _keep_open(self) -> "Callable[[int], _Opened]":
        paths = self.paths
        return lru_cache(KEPT_OPEN)(lambda number: _Opened(paths[number]))


class _Opened:
    """A descriptor, closed when nobody holds it: a thread may be reading while another puts it out of the cache."""

    def __init__(self, path: Path) -> None:
        self.descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def __del__(self) -> None:
        if hasattr(self, "descriptor"):
            os.close(self.descriptor)
