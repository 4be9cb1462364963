"""A folder of generated photographs with faces at known places, and the list of their landmarks."""

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from datamodules.sources import FixedLandmarks
from tests.helpers.faces_on_disk import encode, pseudo_face

FACE = FixedLandmarks("arcface").scaled(112, 112)
SIDE = 160


class Photos(NamedTuple):
    """What a user has."""

    root: Path
    table: Path
    points: dict[str, NDArray[np.float32]]


def photo(identity: int, shot: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return a face turned, scaled and shifted in a photograph, and its landmarks there."""
    generator = np.random.default_rng([7, identity, shot])
    turn = cv2.getRotationMatrix2D((56, 56), generator.uniform(-25, 25), generator.uniform(0.7, 1.1))
    matrix = np.asarray(turn, np.float64)
    matrix[:, 2] += (SIDE - 112) / 2 + generator.uniform(-8, 8, 2)
    image = cv2.warpAffine(pseudo_face(identity, shot), matrix, (SIDE, SIDE))
    return np.asarray(image, np.uint8), (FACE @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)


def row(name: str, points: NDArray[np.float32], *, between: str = "") -> str:
    """Return one line of a list, separated by tabs."""
    return "\t".join([name, *filter(None, [between]), *(f"{value:.2f}" for value in points.ravel())])


@pytest.fixture
def photos(tmp_path: Path) -> Photos:
    """Write three photographs each of Ada and Grace, and a list with a row for each."""
    points = {}
    for identity, person in enumerate(("Ada", "Grace")):
        (tmp_path / "photos" / person).mkdir(parents=True)
        for shot in range(3):
            name = f"{person}/{shot}.png"
            image, points[name] = photo(identity, shot)
            (tmp_path / "photos" / name).write_bytes(encode(image, "png"))
    table = tmp_path / "list.txt"
    table.write_text("".join(f"{row(name, found)}\n" for name, found in points.items()))
    return Photos(tmp_path / "photos", table, points)
