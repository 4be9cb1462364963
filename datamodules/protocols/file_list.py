"""A source of images that are named one by one."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.seams.face_source import Landmarks, UInt8Image
from datamodules.sources.decode import decode_image, read_image


class FileList:
    """Face images of listed files, read when they are asked for.

    Args:
        root: Folder that the paths are relative to.
        paths: Path of every image below ``root``, which is its name.
        identities: Name of the identity that each image shows. They are numbered in the order of their names.
        decode: Called with a file's bytes and, as ``name``, its path.

    Raises:
        ValueError: If there is not one identity per image.
        DataError: If there is no image, or one is listed twice.
    """

    def __init__(
        self,
        root: Path | str,
        paths: Sequence[str],
        identities: Sequence[str],
        *,
        decode: Callable[..., UInt8Image] = decode_image,
    ) -> None:
        self.root = Path(root)
        self._paths = tuple(paths)
        self._decode = decode
        if len(self._paths) != len(identities):
            raise ValueError(f"Expected one identity per image, got {len(identities)} for {len(self._paths)} images")
        if not self._paths:
            raise DataError(f"{self.root}: expected a list of images, got an empty one")
        repeated = [path for path, count in Counter(self._paths).items() if count > 1]
        if repeated:
            raise DataError(f"{self.root}: expected every image once, got {repeated[0]} again")
        self._identity_names = tuple(sorted(set(identities)))
        numbers = {name: number for number, name in enumerate(self._identity_names)}
        self._identities = np.array([numbers[name] for name in identities], dtype=np.int64)

    @property
    def identities(self) -> NDArray[np.int64]:
        """Identity of every image, ``(N,)``."""
        return self._identities

    @property
    def identity_names(self) -> Sequence[str]:
        """Name of every identity, sorted."""
        return self._identity_names

    @property
    def files(self) -> Sequence[Path]:
        """File of every image."""
        return [self.root / path for path in self._paths]

    def __len__(self) -> int:
        return len(self._paths)

    def image(self, index: int) -> UInt8Image:
        """Image ``index``, ``(H, W, 3)`` uint8 RGB.

        Raises:
            DataError: If it cannot be read or decoded; the message names its path.
        """
        return read_image(self.root / self.name(index), self._decode)

    def landmarks(self, index: int) -> Landmarks | None:
        """``None``: a list of files knows no landmarks."""
        return None

    def name(self, index: int) -> str:
        """Path of image ``index`` below the root."""
        return self._paths[index]
