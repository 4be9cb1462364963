"""Images that are pixel for pixel copies of others: found, told, and left out where that is asked for."""

from collections.abc import Iterator
from hashlib import blake2b
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from datamodules.seams.face_source import FaceSource, UInt8Image
from datamodules.split import IdentitySplit

Duplicates = Literal["warn", "drop", "refuse"]

_SHOWN = 5


def pixel_digest(image: UInt8Image) -> int:
    """Return 64 bits of an image's shape and pixels; among a million images, two agree by chance once in 10⁷ times.

    Example:
        >>> grey = np.full((2, 3, 3), 128, np.uint8)
        >>> pixel_digest(grey) == pixel_digest(grey.copy()), pixel_digest(grey) == pixel_digest(grey.reshape(3, 2, 3))
        (True, False)
    """
    pixels = np.ascontiguousarray(image)
    return int.from_bytes(blake2b(pixels.data, digest_size=8, salt=str(image.shape).encode()[:16]).digest(), "little")


class Copies:
    """Which images are copies, and which of them to leave out.

    * Of copies within one identity the first is kept.
    * Identities that hold the same images, such as a folder that links to another, are one: the first is kept.
    * Of any other image under several identities at most one label is right: all its copies are left out.

    Args:
        digests: :func:`pixel_digest` of every image, ``(N,)``.
        identities: Identity of every image, ``(N,)``.
    """

    def __init__(self, digests: NDArray[np.uint64], identities: NDArray[np.int64]) -> None:
        self._digests, self._identities = digests, identities
        _, firsts, groups = np.unique(digests, return_index=True, return_inverse=True)
        self._first = firsts[groups]  # (N,): the first image with the same pixels
        other = np.flatnonzero(identities != identities[self._first])
        self._mixed = np.isin(groups, groups[other])  # (N,): the same pixels are there under several identities
        self.copies = np.flatnonzero(self._first != np.arange(len(digests)))
        """Images with an earlier one of the same pixels."""

    def __len__(self) -> int:
        return len(self.copies)

    def left_out(self) -> NDArray[np.bool_]:
        """Return which images go, ``(N,)``, so that every pixel image is there once, under one identity."""
        again = self._again()
        gone = np.isin(self._identities, again)
        kept = np.flatnonzero(~gone)
        rest = Copies(self._digests[kept], self._identities[kept]) if len(again) else self
        gone[kept] = rest._mixed | (rest._first != np.arange(len(kept)))
        return gone

    def leaks(self, evaluated: NDArray[np.int64], trained: NDArray[np.int64]) -> int:
        """Return how many evaluated images, as positions, have a copy among those that are trained on."""
        return int(np.isin(self._digests[evaluated], self._digests[trained]).sum())

    def describe_leaks(self, split: IdentitySplit) -> str:
        """Return in words how many images of validation and evaluation are trained on too, and what can be done."""
        validation, unseen = (self.leaks(part, split.train) for part in (split.validation, split.unseen))
        return (
            f"{validation:,} validation and {unseen:,} unseen images are also trained on; "
            "`duplicates: drop` leaves copies out, `refuse` stops here"
        )

    def describe(self, source: FaceSource, indices: NDArray[np.int64]) -> str:
        """Return in one line how many there are, and the first of them, those of several identities before others.

        Args:
            source: What names them.
            indices: The images as indices of ``source``, ``(N,)``.
        """
        other = self._mixed[self.copies]
        first = np.concatenate([self.copies[other], self.copies[~other]])[:_SHOWN]
        pairs = [f"{source.name(int(indices[i]))} = {source.name(int(indices[self._first[i]]))}" for i in first]
        more = f" and {len(self) - _SHOWN:,} more" if len(self) > _SHOWN else ""
        return (
            f"{len(self):,} of {len(self._digests):,} images are pixel for pixel copies of others, "
            f"{np.count_nonzero(other):,} of them of images of several identities: {', '.join(pairs)}{more}"
        )

    def _again(self) -> list[int]:
        """Return the identities that hold the same images as an earlier one."""
        seen: set[frozenset[int]] = set()
        again = []
        for identity, images in self._images_of_mixed():
            if images in seen:
                again.append(identity)
            seen.add(images)
        return again

    def _images_of_mixed(self) -> Iterator[tuple[int, frozenset[int]]]:
        """Yield every identity that shares an image with another, ascending, and all that it holds."""
        suspects = np.unique(self._identities[self._mixed])
        members = np.flatnonzero(np.isin(self._identities, suspects))
        members = members[np.argsort(self._identities[members], kind="stable")]
        parts = np.split(members, np.searchsorted(self._identities[members], suspects)[1:])
        for identity, part in zip(suspects.tolist(), parts, strict=False):
            yield identity, frozenset(self._digests[part].tolist())
