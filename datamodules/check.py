"""Find images that cannot be used before training starts, not in its third week."""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from datamodules.dataset import load_face
from datamodules.errors import DataError
from datamodules.sources.landmarks import LandmarkSource
from datamodules.sources.source import FaceSource

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

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        complaints = list(_stop_at_first(pool.map(complaint, indices.tolist()), stop=on_bad_image == "stop"))
    usable = np.array([c is None for c in complaints], dtype=bool)
    return indices[usable], [c for c in complaints if c is not None]


SIZE_OF_CHECK = 16  # decoding is what can fail; resizing is kept cheap


def _stop_at_first(complaints: Iterable[str | None], *, stop: bool) -> Iterable[str | None]:
    for complaint in complaints:
        if stop and complaint is not None:
            raise DataError(complaint)
        yield complaint
