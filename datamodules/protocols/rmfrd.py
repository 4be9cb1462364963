"""RMFRD, the real-world masked face recognition dataset: folders of people with masks, and of the same without."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from datamodules.errors import DataError
from datamodules.protocols.people_images import PersonImage, counts, protocol_of_people
from datamodules.protocols.published_counts import Published, other_counts
from datamodules.protocols.worn import MASKED, UNMASKED
from datamodules.seams.evaluation_protocol import EvaluationProtocol
from datamodules.sources.decode import IMAGE_EXTENSIONS
from datamodules.sources.walk import files_below

FOLDERS: Mapping[str, str] = {"AFDB_face_dataset": UNMASKED, "AFDB_masked_face_dataset": MASKED}
PUBLISHED: Mapping[str, Published] = {
    "people": Published(525),
    "masked images": Published(5_000, rounded=1_000),
    "unmasked images": Published(90_000, rounded=10_000),
}


def rmfrd_faces(root: Path | str, *, allow_other_counts: bool = False) -> EvaluationProtocol:
    """Masked and unmasked faces of the same people: identification, and verification in three conditions.

    Images are in ``AFDB_face_dataset/<person>/`` and ``AFDB_masked_face_dataset/<person>/``, at any depth of ``root``.
    The dataset lists no pairs: what is compared is as :func:`~datamodules.protocols.people_images.protocol_of_people`
    says.

    Args:
        root: Folder that both folders are in.
        allow_other_counts: Take another number of people or images than the published one, and list it. Numbers of
            images are published in thousands and ten thousands; the archive that circulates has others.

    Returns:
        Protocol ``rmfrd``; ``missing`` lists people without an unmasked image, and images in no person's folder.

    Raises:
        DataError: If a folder is missing or empty, or counts are others where they may not be.

    Source: Wang et al., Masked Face Recognition Dataset and Application, 2020.
    """
    root = Path(root)
    images: list[PersonImage] = []
    stray: list[str] = []
    for path in files_below(root, IMAGE_EXTENSIONS):
        folder, person = _parts(path)
        if folder is None:
            continue
        if person is None:
            stray.append(f"{path}: in no person's folder")
        else:
            images.append(PersonImage(person, FOLDERS[folder], path))
    found = {image.worn for image in images}
    if absent := [folder for folder, worn in FOLDERS.items() if worn not in found]:
        raise DataError(
            f"{root}: expected images of people in {' and '.join(FOLDERS)}, got none in {', '.join(absent)}"
        )
    number = counts(images, {MASKED: "masked images", UNMASKED: "unmasked images"})
    differ = other_counts(root, number, PUBLISHED, allow_other=allow_other_counts)
    return protocol_of_people("rmfrd", root, images, [*differ, *stray])


def _parts(path: str) -> tuple[str | None, str | None]:
    """Return which of the two folders an image is in, and whom the folder in that shows."""
    parts = PurePosixPath(path).parts
    place = next((place for place, part in enumerate(parts[:-1]) if part in FOLDERS), None)
    if place is None:
        return None, None
    return parts[place], parts[place + 1] if place + 2 < len(parts) else None
