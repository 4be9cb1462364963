"""Generated faces that a visitor without photographs can take: people who do not exist."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from datamodules.occluders import TemplateOccluder
from datamodules.seams.face_source import UInt8Image
from datamodules.sources import SyntheticFaces
from datamodules.whole_file import write_whole

PEOPLE, PHOTOGRAPHS, SIDE, SEED = 12, 3, 192, 30_000
WORN = ("sunglasses", "doctor_mask", "scarf")
"""On a third photograph of each, in turn."""


class SamplePair(NamedTuple):
    """Two faces."""

    first: str
    second: str


PAIRS: Mapping[str, SamplePair] = {
    "One person twice": SamplePair("person-01-1", "person-01-2"),
    "Two people": SamplePair("person-02-1", "person-05-2"),
    "One in sunglasses": SamplePair("person-04-1", "person-04-sunglasses"),
    "One in a mask": SamplePair("person-05-1", "person-05-doctor_mask"),
}
"""By what the buttons say: names of files."""


def write_samples(folder: Path) -> None:
    """Write all faces as PNG below ``folder``; those that are there are left as they are.

    Raises:
        OSError: If it cannot be written.
    """
    faces = SyntheticFaces(PEOPLE, PHOTOGRAPHS, image_size=SIDE, seed=SEED)
    for index in range(len(faces)):
        person, photograph = divmod(index, PHOTOGRAPHS)
        worn = WORN[person % len(WORN)] if photograph == PHOTOGRAPHS - 1 else ""
        path = folder / f"person-{person + 1:02d}-{worn or photograph + 1}.png"
        if not path.is_file():
            write_whole(path, _png(_face(faces, index, worn)), lasting=False)


def sample(folder: Path, kind: str) -> tuple[str, str]:
    """Return the files of two faces."""
    first, second = PAIRS[kind]
    return str(folder / f"{first}.png"), str(folder / f"{second}.png")


def _face(faces: SyntheticFaces, index: int, worn: str) -> UInt8Image:
    image, points = faces.image(index), faces.landmarks(index)
    if not worn or points is None:
        return image
    return TemplateOccluder(worn, split="held_out")(image, points, np.random.default_rng(index)).image


def _png(image: UInt8Image) -> bytes:
    return cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes()
