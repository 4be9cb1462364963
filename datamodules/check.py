"""Find images that cannot be used before training starts, not in its third week."""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from datamodules.dataset import load_face
from datamodules.errors import DataError
from datamodules.sources.landmarks import LandmarkSource
from datamodules.sources.source import FaceSource

PIECE = 2048  # images checked at once
SIZE_OF_CHECK = 16  # decoding is what can fail; resizing is kept cheap

OnBadImage = Literal["stop", "skip"]


def usable_images(
    source: FaceSource, indices: NDArray[np.int64], landmarks: LandmarkSource, *, on_bad_image: OnBadImage = "stop"
) -> tuple[NDArray[np.int64], list[str]]:
    """Load every image once, in threads, and return the indices of those that can be used.

    Args:
        source: Where the images come from.
        indices: Images to look at, ``(N,)``.
        landmarks: Where their landmarks are.
        on_bad_image: ``"stop"`` raises at the first unusable image, ``"skip"`` leaves it out.

    Returns:
        The usable indices in their order, and one message for each image left out.

    Raises:
        DataError: At an unusable image, under ``"stop"``; the message names it.
    """

    def complaint(index: int) -> str | None:
        try:
            load_face(source, index, landmarks, image_size=SIZE_OF_CHECK)
        except DataError as error:
            return str(error)
        return None

    complaints: list[str | None] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        # in pieces, so that a bad image early on is not waited for until the last one has been read
        for start in track(
            range(0, len(indices), PIECE), "Checking images", transient=True, disable=len(indices) <= PIECE
        ):
            for found in pool.map(complaint, indices[start : start + PIECE].tolist()):
                if found is not None and on_bad_image == "stop":
                    raise DataError(found)
                complaints.append(found)
    usable = np.array([c is None for c in complaints], dtype=bool)
    return indices[usable], [c for c in complaints if c is not None]
