"""A crop under an affine map, without aliasing where it shrinks."""

import math

import cv2
import numpy as np

from datamodules.alignment.transforms import Float64
from datamodules.seams.face_source import UInt8Image

_MOST_SAMPLES = 16  # for each side of an output pixel


def warp_crop(image: UInt8Image, matrix: Float64, size: int) -> UInt8Image:
    """Map ``image`` to ``size`` × ``size`` pixels; what lies outside of it is 0.

    Every output pixel is the mean of k × k bilinear samples, k so that they lie at most one pixel of the image
    apart. An image that shrinks more than fourfold is halved first, with a Gaussian filter.

    Args:
        image: ``(H, W, 3)`` or ``(H, W)`` uint8.
        matrix: ``(2, 3)``, image to crop, between centres of pixels.
        size: Height and width of the crop.

    Returns:
        ``(size, size, 3)`` or ``(size, size)`` uint8.
    """
    linear, shift = matrix[:, :2], matrix[:, 2]
    largest, smallest = np.linalg.svd(linear, compute_uv=False)
    while largest < 1 / 4 and min(image.shape[:2]) > 1:
        image = np.asarray(cv2.pyrDown(image), np.uint8)  # its pixel i lies on pixel 2i
        linear, largest, smallest = 2 * linear, 2 * largest, 2 * smallest
    samples = min(_MOST_SAMPLES, max(1, math.ceil(1 / max(float(smallest), 1e-9) - 1e-9)))
    fine = np.column_stack([samples * linear, samples * shift + (samples - 1) / 2])
    crop = cv2.warpAffine(image, fine, (samples * size, samples * size), flags=cv2.INTER_LINEAR)
    if samples > 1:
        crop = cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(crop, np.uint8)
