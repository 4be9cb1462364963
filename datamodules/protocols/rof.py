"""ROF, real occluded faces: people with masks, with sunglasses, and with neither."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from datamodules.errors import DataError
from datamodules.protocols.listed_pairs import refuse_missing
from datamodules.protocols.people_images import PersonImage, counts, protocol_of_people
from datamodules.protocols.published_counts import Published, other_counts
from datamodules.protocols.rof_pickles import FOLDERS, ListedFaces, person_of, read_pickles
from datamodules.protocols.worn import MASKED, SUNGLASSES, UNMASKED
from datamodules.seams.evaluation_protocol import EvaluationProtocol
from datamodules.sources.decode import IMAGE_EXTENSIONS
from datamodules.sources.walk import files_below

NAMED: Mapping[str, str] = {UNMASKED: "neutral faces", SUNGLASSES: "faces with sunglasses", MASKED: "masked faces"}
PUBLISHED: Mapping[str, Published] = {
    "people": Published(180),
    "neutral faces": Published(3_195),
    "faces with sunglasses": Published(1_686),
    "masked faces": Published(678),
}
PICKLES = "ROF"


def rof_faces(
    root: Path | str,
    *,
    pickles: Path | str | None = None,
    allow_missing: bool = False,
    allow_other_counts: bool = False,
) -> EvaluationProtocol:
    """Real masks and sunglasses: identification of both, and verification against bare and against covered faces.

    The authors give pickles of addresses and boxes, ``ROF/masked/<person>_wearing_mask.pkl``, and a script that makes
    crops of what is still there, ``images/masked/<person>_wearing_mask/000001.jpg``. The crops are compared, as
    :func:`~datamodules.protocols.people_images.protocol_of_people` says; the authors list no pairs. The pickles, where
    they are, tell how many there should be.

    Args:
        root: Folder that ``neutral``, ``sunglasses`` and ``masked`` are in, at any depth.
        pickles: Folder of the pickles; by default ``ROF`` in ``root`` or beside it, if there is one.
        allow_missing: Go on with the crops that are there, and list how many of whose are not.
        allow_other_counts: Take another number of people or faces than the published one, and list it.

    Returns:
        Protocol ``rof``; ``missing`` also lists people without a neutral image.

    Raises:
        DataError: If there are no crops, a pickle cannot be read or holds anything but a table of faces, or crops are
            missing or counts are others where they may not be.

    Source: Erakın, Demir and Ekenel, On Recognizing Occluded Faces in the Wild, 2021.
    """
    root = Path(root)
    images = _images(root)
    folder = _pickles(root, pickles)
    listed = None if folder is None else read_pickles(folder)
    number = counts(images, NAMED) if listed is None else _listed_counts(listed)
    differ = other_counts(folder or root, number, PUBLISHED, allow_other=allow_other_counts)
    absent = [] if folder is None or listed is None else _absent(folder, listed, images)
    if folder is not None and not allow_missing:
        refuse_missing(folder, root, absent)
    return protocol_of_people("rof", root, images, [*differ, *absent])


def _images(root: Path) -> list[PersonImage]:
    images = []
    for path in files_below(root, IMAGE_EXTENSIONS):
        parts = PurePosixPath(path).parts
        if len(parts) >= 3 and parts[-3] in FOLDERS:
            images.append(PersonImage(person_of(parts[-2]), FOLDERS[parts[-3]], path))
    if not images:
        raise DataError(f"{root}: expected images of people in {', '.join(FOLDERS)}, got none")
    return images


def _pickles(root: Path, given: Path | str | None) -> Path | None:
    if given is not None:
        return Path(given)
    return next((path for path in (root / PICKLES, root.parent / PICKLES) if path.is_dir()), None)


def _listed_counts(listed: ListedFaces) -> dict[str, int]:
    number = {what: sum(n for (_, worn), n in listed.items() if worn == kind) for kind, what in NAMED.items()}
    return {"people": len({person for person, _ in listed}), **number}


def _absent(folder: Path, listed: ListedFaces, images: Sequence[PersonImage]) -> list[str]:
    """Return a line for each person and thing worn of which crops are missing.

    Raises:
        DataError: If there are more crops than the pickle lists.
    """
    there = Counter((image.person, image.worn) for image in images)
    for (person, worn), number in there.items():
        if number > listed.get((person, worn), 0):
            most = listed.get((person, worn), 0)
            raise DataError(f"{folder}: expected at most {most} faces of {person}, {worn}, as it lists, got {number}")
    return [
        f"{person} ({worn}): {number - there[person, worn]} of {number} not there"
        for (person, worn), number in sorted(listed.items())
        if there[person, worn] < number
    ]
