"""Labeled Faces in the Wild: verification of listed pairs."""

from pathlib import Path

from datamodules.protocols.lfw_pairs_file import read_lfw_pairs
from datamodules.protocols.listed_pairs import pairs_protocol
from datamodules.protocols.numbered_images import find_numbered, identity_of
from datamodules.seams.evaluation_protocol import EvaluationProtocol


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
    files = find_numbered(root, {image for pair in listed for image in (pair.first, pair.second)})
    name = "lfw" if any(pair.fold for pair in listed) else "lfw_development"
    return pairs_protocol(name, table, root, listed, files, identity=identity_of, allow_missing=allow_missing)
