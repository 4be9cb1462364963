"""The AR face database: real sunglasses and scarves."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.protocols.ar_image import ARImage, decode_ar, parse_ar_name
from datamodules.protocols.copies import first_copies, tell_copies
from datamodules.protocols.file_list import FileList
from datamodules.seams.evaluation_protocol import EvaluationProtocol, Identification, VerificationPairs
from datamodules.sources.decode import IMAGE_EXTENSIONS
from datamodules.sources.walk import files_below

_ENROLLED = 1
_OCCLUDED = ("sunglasses", "scarf")
_QUERIES = ("illumination", *_OCCLUDED)


def ar_faces(root: Path | str, *, references: Sequence[int] = (1, 14)) -> EvaluationProtocol:
    """Identification with a single sample per subject, and verification in three conditions.

    * **Identification** (SOIDN, 4.6): the gallery is image 01 of every subject, neutral in session 1. Probes are
      the images with ``sunglasses`` or ``scarf``; also of one session and one light alone, as in
      ``sunglasses/session2``, ``sunglasses/left`` and ``sunglasses/session2/left``. Light is ``plain``,
      ``left`` or ``right``.
    * **Verification** (Sáez Trigueros et al., 2018, 4.1): "we compare non-occluded faces against (i) other non-occluded
      faces", of which "we only use faces with different illumination conditions", "(ii) faces occluded by a
      pair of sunglasses, and (iii) faces occluded by a scarf". Read as: each neutral image (``references``, the
      first of a pair) against each image, of either session and any subject, with ``illumination`` from left,
      right or both, ``sunglasses`` or ``scarf``. No folds.

    Conditions without an image are left out. So are subjects without an image 01, and files that are not named as
    AR's are: ``missing`` lists them.

    Args:
        root: Folder, with sub-folders or not, of files such as ``m-001-01.bmp`` or ``W-050-26.raw``.
        references: Codes of the neutral images to compare with: 1, 14 or both.

    Returns:
        Protocol ``ar``. Expressions (02 to 04 and 15 to 17) are no part of it.

    Raises:
        ValueError: If ``references`` holds another code.
        DataError: If there is no such file, a code is unknown or there twice for one subject, or nothing is left
            to compare.
    """
    root = Path(root)
    if not references or not set(references) <= {1, 14}:
        raise ValueError(f"Expected `references` to be 1, 14 or both, got {tuple(references)}")
    files, foreign = _scan(root)
    enrolled = {image.subject for image in files if image.code == _ENROLLED}
    needed = {_ENROLLED, *references}
    images = sorted(
        image for image in files if image.subject in enrolled and (image.code in needed or image.kind in _QUERIES)
    )
    if not any(image.kind in _QUERIES for image in images):
        raise DataError(
            f"{root}: expected subjects with a neutral image (m-001-01) and others to compare with it, "
            f"got none among {len(files)} images"
        )
    source = FileList(root, [files[image] for image in images], [image.subject for image in images], decode=decode_ar)
    unenrolled = Counter(image.subject for image in files if image.subject not in enrolled)
    missing = [f"{subject}: no image 01 beside {count} others" for subject, count in sorted(unenrolled.items())]
    missing += [f"{path}: not named as AR's images are" for path in foreign]
    verification = _verification(images, references, source.identities)
    protocol = EvaluationProtocol("ar", source, verification, _identification(images), missing)
    return tell_copies(protocol, first_copies(source.files))


def _scan(root: Path) -> tuple[dict[ARImage, str], list[str]]:
    """Find AR's images, and the paths of other images, below the root."""
    files: dict[ARImage, str] = {}
    foreign: list[str] = []
    for path in files_below(root, (*IMAGE_EXTENSIONS, ".raw")):
        try:
            image = parse_ar_name(Path(path).stem)
        except ValueError as error:
            raise DataError(f"{root / path}: {error}") from None
        if image is None:
            foreign.append(path)
        elif image in files:
            raise DataError(
                f"{root}: expected one image {image.code:02d} of {image.subject}, got {files[image]}, {path}"
            )
        else:
            files[image] = path
    if not files:
        raise DataError(f"{root}: expected images named as AR's are, such as m-001-01.bmp, got {len(foreign)} others")
    return files, foreign


def _verification(
    images: Sequence[ARImage], references: Sequence[int], identities: NDArray[np.int64]
) -> dict[str, VerificationPairs]:
    targets = _indices(image.code in references for image in images)
    verification = {}
    for kind in _QUERIES:
        queries = _indices(image.kind == kind for image in images)
        if len(targets) and len(queries):
            first, second = np.repeat(targets, len(queries)), np.tile(queries, len(targets))
            same = identities[first] == identities[second]
            verification[kind] = VerificationPairs(first, second, same, fold=np.zeros(len(first), dtype=np.int64))
    return verification


def _identification(images: Sequence[ARImage]) -> dict[str, Identification]:
    gallery = _indices(image.code == _ENROLLED for image in images)
    identification = {}
    for kind, session, light in product(_OCCLUDED, (None, 1, 2), (None, "plain", "left", "right")):
        probes = _indices(
            image.kind == kind and session in (None, image.session) and light in (None, image.light) for image in images
        )
        if len(probes):
            parts = (kind, session and f"session{session}", light)
            identification["/".join(part for part in parts if part)] = Identification(gallery, probes)
    return identification


def _indices(chosen: Iterable[bool]) -> NDArray[np.int64]:
    return np.flatnonzero(list(chosen)).astype(np.int64)
