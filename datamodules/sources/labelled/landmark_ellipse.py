"""The region of a face from five landmarks: the canonical face's ellipse, carried onto them."""

import numpy as np

from datamodules.errors import DataError
from datamodules.seams.face_source import FaceSource
from datamodules.sources.canonical_face import FACE, FACE_CENTRE, FACE_HALF_AXES
from datamodules.sources.labelled.face_region import Marks, Pixels
from datamodules.sources.landmarks import FixedLandmarks, LandmarkSource, SourceLandmarks


class LandmarkEllipse:
    """Takes an ellipse from hairline to chin, between the ears, for the face; it turns and slants with the landmarks.

    Args:
        landmarks: Where they are; the name of an alignment, such as ``arcface``, for images that are all aligned so.
            By default the source's own; where it has none, the image is refused.
        scale: Factor on the ellipse's axes.

    Raises:
        ValueError: If the alignment is unknown, or ``scale`` is not positive.
    """

    def __init__(self, landmarks: LandmarkSource | str | None = None, scale: float = 1.0) -> None:
        if not 0.0 < scale < float("inf"):
            raise ValueError(f"Expected a positive `scale`, got {scale}")
        self.landmarks = FixedLandmarks(landmarks) if isinstance(landmarks, str) else landmarks or SourceLandmarks()
        self.scale = scale

    def __call__(self, marks: Marks, source: FaceSource, index: int) -> Pixels:
        """See :class:`~.face_region.FaceRegion`."""
        height, width = next(part for part in marks if part is not None).shape
        points = self.landmarks(source, index, height, width)
        design = np.concatenate([FACE, np.ones((5, 1))], 1)  # (5, 3)
        to_image = np.linalg.lstsq(design, np.asarray(points, np.float64), rcond=None)[0].T  # (2, 3)
        if not np.isfinite(to_image).all() or abs(np.linalg.det(to_image[:, :2])) < 1e-9:
            raise DataError(f"{source.name(index)}: expected landmarks that span a face, got {points.tolist()}")
        rows, columns = np.mgrid[:height, :width]
        pixels = np.stack([columns, rows]) - to_image[:, 2, None, None]  # (2, H, W)
        units = np.einsum("ij,jhw->ihw", np.linalg.inv(to_image[:, :2]), pixels)
        (left, top), (across, along) = FACE_CENTRE, FACE_HALF_AXES
        distance = ((units[0] - left) / across) ** 2 + ((units[1] - top) / along) ** 2
        region: Pixels = distance <= self.scale**2
        return region
