"""InsightFace's verification sets: LFW, CFP-FP, AgeDB-30 and others in ``.bin`` files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.protocols.copies import tell_copies
from datamodules.protocols.guarded_pickle import load_guarded
from datamodules.protocols.pickled_numpy import PickledArray, short
from datamodules.seams.evaluation_protocol import EvaluationProtocol, VerificationPairs
from datamodules.seams.face_source import Landmarks, UInt8Image
from datamodules.sources.decode import decode_image

_FOLDS = 10


class EncodedImages:
    """Encoded images in memory, of identities that are not known: each counts as one of its own.

    Args:
        images: The distinct images, as files hold them.
        names: Name of every image.
    """

    def __init__(self, images: Sequence[bytes], names: Sequence[str]) -> None:
        self._images = tuple(images)
        self._names = tuple(names)

    @property
    def identities(self) -> NDArray[np.int64]:
        """Identity of every image: its index, ``(N,)``."""
        return np.arange(len(self), dtype=np.int64)

    @property
    def identity_names(self) -> Sequence[str]:
        """Names of the images."""
        return self._names

    def __len__(self) -> int:
        return len(self._images)

    def image(self, index: int) -> UInt8Image:
        """Image ``index``, ``(H, W, 3)`` uint8 RGB.

        Raises:
            DataError: If it cannot be decoded; the message names it.
        """
        return decode_image(self._images[index], name=self.name(index))

    def landmarks(self, index: int) -> Landmarks | None:
        """``None``: the file knows no landmarks."""
        return None

    def name(self, index: int) -> str:
        """File, and where in its list the image stands first."""
        return self._names[index]


def bin_pairs(path: Path | str) -> EvaluationProtocol:
    """Pairs of one of InsightFace's ``.bin`` files, in 10 folds.

    The file is a pickle of two lists: 2 N encoded images, pair after pair, and N times same or different. It is
    read by :func:`load_guarded`, which runs nothing of it. Images with the same bytes are one image of the
    protocol's source. Folds are consecutive; the first N mod 10 have one pair more, as sklearn's ``KFold``
    makes them.

    Args:
        path: The file.

    Returns:
        Protocol with the file's name and the condition ``all``.

    Raises:
        DataError: If the file cannot be read, holds or names anything else, or has fewer than 10 pairs.
    """
    path = Path(path)
    images, same = _read(path)
    distinct = {image: index for index, image in enumerate(dict.fromkeys(images))}
    indices = np.array([distinct[image] for image in images], dtype=np.int64)
    positions = np.unique(indices, return_index=True)[1]
    source = EncodedImages(tuple(distinct), [f"{path.name}[{position}]" for position in positions])
    pairs = VerificationPairs(indices[::2], indices[1::2], np.array(same, dtype=np.bool_), _consecutive(len(same)))
    return tell_copies(EvaluationProtocol(path.stem, source, {"all": pairs}), np.arange(len(source)))


def _read(path: Path) -> tuple[list[bytes], list[int]]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: expected a .bin file of pairs, got {error.strerror}") from None
    match load_guarded(data, name=str(path)):
        case (list() | tuple() as images, list() | tuple() | PickledArray() as same):
            encoded, answers = [_image(path, *item) for item in enumerate(images)], _answers(path, same)
        case other:
            raise DataError(f"{path}: expected a list of images and one of bools, got {type(other).__name__}")
    if len(encoded) != 2 * len(answers) or len(answers) < _FOLDS:
        raise DataError(
            f"{path}: expected two images for each of {_FOLDS} or more pairs, "
            f"got {len(encoded)} images for {len(answers)} pairs"
        )
    return encoded, answers


def _image(path: Path, index: int, image: object) -> bytes:
    if isinstance(image, PickledArray) and image.dtype is not None and image.dtype.code == "u1":
        return image.data
    if not isinstance(image, bytes):
        raise DataError(f"{path}: image {index}: expected bytes or an array of uint8, got {type(image).__name__}")
    return image


def _answers(path: Path, same: Sequence[object] | PickledArray) -> list[int]:
    answers = same.integers() if isinstance(same, PickledArray) else same
    for index, answer in enumerate(answers):
        if not isinstance(answer, int) or answer not in (0, 1):
            shown = answer if isinstance(answer, int) and abs(answer) < 1 << 63 else short(answer)
            raise DataError(f"{path}: pair {index}: expected True or False, got {shown}")
    return [int(answer) for answer in answers if isinstance(answer, int)]


def _consecutive(pairs: int) -> NDArray[np.int64]:
    """Fold of every pair, ``(N,)``."""
    sizes = [pairs // _FOLDS + (fold < pairs % _FOLDS) for fold in range(_FOLDS)]
    return np.repeat(np.arange(_FOLDS, dtype=np.int64), sizes)
