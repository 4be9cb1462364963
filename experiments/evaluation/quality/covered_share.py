"""How much of each face is covered: of the ellipse from hairline to chin, not of the background."""

from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from datamodules.seams.face_source import FaceSource
from datamodules.sources.labelled import LandmarkEllipse
from datamodules.sources.labelled.face_region import Marks
from experiments.evaluation.matching.occluder_masks import OccluderMasks


class _Place(NamedTuple):
    """What a region depends on: equal ones of aligned crops are found once."""

    landmarks: bytes
    shape: tuple[int, int]


def covered_shares(masks: OccluderMasks, source: FaceSource) -> Tensor:
    """Return the share of each face that masks take for covered, ``(N,)`` float32.

    The face is the canonical face's ellipse, carried onto the image's landmarks; where a source knows none, it is the
    whole image.

    Args:
        masks: Of all images.
        source: The images.

    Raises:
        DataError: If landmarks do not span a face; the message names the image.
    """
    regions: dict[_Place, NDArray[np.bool_]] = {}
    shares = torch.empty(len(source))
    for index in range(len(source)):
        region = _region(source, index, masks.side, regions)
        mask = masks.mask(index, masks.side)
        shares[index] = float(mask.mean() if region is None else mask[region].mean())
    return shares


def _region(
    source: FaceSource, index: int, side: int, known: dict[_Place, NDArray[np.bool_]]
) -> NDArray[np.bool_] | None:
    landmarks = source.landmarks(index)
    if landmarks is None:
        return None
    height, width = source.image(index).shape[:2]
    place = _Place(landmarks.tobytes(), (height, width))
    if place not in known:
        ellipse = LandmarkEllipse()(Marks(visible=np.zeros((height, width), np.bool_)), source, index)
        share = cv2.resize(ellipse.astype(np.float32), (side, side), interpolation=cv2.INTER_AREA)
        known[place] = share >= 0.5 if (share >= 0.5).any() else np.ones_like(ellipse, shape=(side, side))
    return known[place]
