"""What may be an aligned face crop: large enough, and about square."""

from datamodules.errors import DataError
from datamodules.seams.face_source import UInt8Image

SMALLEST_SIDE = 16
LARGEST_ASPECT = 1.25


def check_aligned_crop(image: UInt8Image, name: str) -> None:
    """Refuse an image that is no aligned crop: too small, or far from square.

    Raises:
        DataError: If it is none; the message has its name.
    """
    height, width = image.shape[:2]
    if min(height, width) < SMALLEST_SIDE or max(height, width) > LARGEST_ASPECT * min(height, width):
        raise DataError(
            f"{name}: expected an aligned, about square face crop of at least "
            f"{SMALLEST_SIDE} × {SMALLEST_SIDE} pixels, got {width} × {height}"
        )
