"""Labeled Faces in the Wild: verification of listed pairs."""

import errno
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from datamodules.errors import DataError
from datamodules.protocols.lfw_pairs_file import read_lfw_pairs
from datamodules.protocols.listed_pairs import pairs_protocol
from datamodules.seams.evaluation_protocol import EvaluationProtocol
from datamodules.sources.decode import IMAGE_EXTENSIONS


def lfw_pairs(root: Path | str, pairs: Path | str, *, allow_missing: bool = False) -> EvaluationProtocol:
    """Pairs of LFW (View 2, 10 folds), or its development pairs (View 1, no folds).

    Args:
        root: Folder of images, ``Name/Name_0001.jpg``, or with another of ``IMAGE_EXTENSIONS``.
        pairs: ``pairs.txt``, ``pairsDevTrain.txt`` or ``pairsDevTest.txt``, see :func:`read_lfw_pairs`.
        allow_missing: Leave pairs out whose image is not there, and list them in the protocol.

    Returns:
        Protocol ``lfw``, or ``lfw_development`` without folds, with the condition ``all``.

    Raises:
        DataError: If ``pairs`` cannot be read, an image is missing and may not be, or is there in two formats.

    Source: Huang et al., Labeled Faces in the Wild, 2007.
    """
    root, table = Path(root), Path(pairs)
    listed = read_lfw_pairs(table)
    files = _find(root, {image for pair in listed for image in (pair.first, pair.second)})
    name = "lfw" if any(pair.fold for pair in listed) else "lfw_development"
    return pairs_protocol(name, table, root, listed, files, identity=_identity, allow_missing=allow_missing)


def _identity(image: str) -> str:
    return image.partition("/")[0]


def _find(root: Path, images: Iterable[str]) -> dict[str, str]:
    """Find the file of every image that has one."""
    if not root.is_dir():
        raise DataError(f"{root}: expected a folder of images, got {'a file' if root.exists() else 'nothing'}")
    wanted = set(images)
    files: dict[str, str] = {}
    for identity in sorted({_identity(image) for image in wanted}):
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
