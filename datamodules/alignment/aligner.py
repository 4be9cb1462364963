"""Image and landmarks to aligned crop."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.alignment.alignment_error import AlignmentError
from datamodules.alignment.transforms import Float64, affine, misfit, similarity
from datamodules.alignment.warp_crop import warp_crop
from datamodules.seams.face_source import UInt8Image
from datamodules.sources import FixedLandmarks

FacePoints = NDArray[np.float32]
"""``(5, 2)`` as :data:`~datamodules.seams.Landmarks`, or ``(4, 2)``: eyes, nose tip, centre of the mouth."""

POINT_NAMES: Mapping[int, tuple[str, ...]] = MappingProxyType(
    {
        5: ("left eye", "right eye", "nose tip", "left mouth corner", "right mouth corner"),
        4: ("left eye", "right eye", "nose tip", "centre of the mouth"),
    }
)

TRANSFORMS: Mapping[str, Callable[[FacePoints, Float64], Float64]] = MappingProxyType(
    {"similarity": similarity, "affine": affine}
)

HIGHEST_MISFIT = 0.5
"""Landmarks that fit the template worse than this are no face's; profiles reach 0.2."""


def face_template(name: str, size: int, count: int = 5) -> Float64:
    """The ``count`` points of a named template in a square of ``size`` pixels, ``(count, 2)``.

    Example:
        >>> face_template("arcface", 112, count=4).round(1).tolist()
        [[38.3, 51.7], [73.5, 51.5], [56.0, 71.7], [56.1, 92.3]]
    """
    points = FixedLandmarks(name).scaled(size, size).astype(np.float64)
    return points if count == 5 else np.vstack([points[:3], points[3:].mean(0)])


@dataclass(frozen=True)
class Aligner:
    """Warps a face so that its landmarks lie on a template, as well as the transform can.

    Args:
        size: Height and width of the crop in pixels, 16 to 1024.
        grey: Whether crops are grey, ``(size, size)``, instead of RGB.
        template: Name of one of ``ALIGNMENTS``.
        transform: Name of one of ``TRANSFORMS``.

    Raises:
        ValueError: If a setting is another.

    Example:
        >>> face = np.full((56, 56, 3), 200, np.uint8)
        >>> crop = Aligner(size=112)(face, FixedLandmarks("arcface").scaled(56, 56), name="face")
        >>> crop.shape, crop[50, 50].tolist()
        ((112, 112, 3), [200, 200, 200])
    """

    size: int = 112
    grey: bool = False
    template: str = "arcface"
    transform: str = "similarity"

    def __post_init__(self) -> None:
        if not 16 <= self.size <= 1024:
            raise ValueError(f"Expected `size` in [16, 1024], got {self.size}")
        if self.transform not in TRANSFORMS:
            raise ValueError(f"Expected `transform` to be one of {sorted(TRANSFORMS)}, got {self.transform!r}")
        FixedLandmarks(self.template)

    def matrix(self, landmarks: FacePoints, *, name: str) -> Float64:
        """Map from image to crop, ``(2, 3)``.

        Raises:
            AlignmentError: If the landmarks are unlike a face's or do not determine the map.
        """
        template = face_template(self.template, self.size, len(landmarks))
        found = float(misfit(landmarks, template))
        if not found <= HIGHEST_MISFIT:
            raise AlignmentError(
                "landmarks unlike a face",
                f"{name}: expected landmarks in the order {', '.join(POINT_NAMES[len(landmarks)])}, as seen, "
                f"got points that leave {found:.0%} of the template unexplained: {landmarks.round(1).tolist()}",
            )
        try:
            return TRANSFORMS[self.transform](landmarks, template)
        except ValueError as error:
            raise AlignmentError(
                "landmarks unlike a face", f"{name}: {str(error).replace('Expected', 'expected', 1)}"
            ) from None

    def __call__(self, image: UInt8Image, landmarks: FacePoints, *, name: str) -> UInt8Image:
        """Return the crop, ``(size, size, 3)`` RGB or ``(size, size)`` uint8.

        Args:
            image: ``(H, W, 3)`` uint8 RGB.
            landmarks: ``(5, 2)`` or ``(4, 2)``, in pixels of ``image``.
            name: What to call the image in a message.

        Raises:
            AlignmentError: If a landmark lies outside the image, or see :meth:`matrix`.
        """
        _check_inside(landmarks, image.shape[0], image.shape[1], name)
        crop = warp_crop(image, self.matrix(landmarks, name=name), self.size)
        return np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), np.uint8) if self.grey else crop


def _check_inside(landmarks: FacePoints, height: int, width: int, name: str) -> None:
    """Refuse a point beyond the pixels' area, which reaches half a pixel beyond the outer centres."""
    for point, (x, y) in zip(POINT_NAMES[len(landmarks)], landmarks.tolist(), strict=True):
        if not (-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5):
            raise AlignmentError(
                "landmark outside its image",
                f"{name}: expected every landmark inside {width} × {height} pixels (width × height), "
                f"got {point} at ({x:g}, {y:g})",
            )
