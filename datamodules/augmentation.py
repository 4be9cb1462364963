"""Random changes of a training image that keep its identity; the only place that knows albumentations."""

import os
from typing import NamedTuple

import numpy as np

from datamodules.seams.face_source import UInt8Image


class Augmentation:
    """Flips an image and its label map alike and jitters the image's brightness and contrast.

    Args:
        flip: Probability of a horizontal flip, in ``[0, 1]``.
        brightness: Largest relative change of brightness, 0 for none.
        contrast: Largest relative change of contrast, 0 for none.

    Raises:
        ValueError: If a setting lies outside ``[0, 1]``.
    """

    def __init__(self, flip: float = 0.5, brightness: float = 0.0, contrast: float = 0.0) -> None:
        for name, value in {"flip": flip, "brightness": brightness, "contrast": contrast}.items():
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"Expected `{name}` in [0, 1], got {value}")
        os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it would ask the network for a newer version
        import albumentations  # noqa: PLC0415  takes two seconds: pay only when used

        transforms = [albumentations.HorizontalFlip(p=flip)]
        if brightness or contrast:
            limits = {"brightness_limit": brightness, "contrast_limit": contrast}
            transforms.append(albumentations.RandomBrightnessContrast(**limits, p=1.0))
        self._compose = albumentations.Compose(transforms)

    def __call__(
        self, image: UInt8Image, mask: UInt8Image, generator: np.random.Generator
    ) -> tuple[UInt8Image, UInt8Image]:
        """Return changed copies of ``(H, W, 3)`` image and ``(H, W)`` label map.

        Args:
            image: uint8 RGB.
            mask: uint8 label map.
            generator: The only source of randomness.
        """
        self._compose.set_random_seed(int(generator.integers(2**32)))
        result = self._compose(image=image, mask=mask)
        return result["image"], result["mask"]

    def plan(self, mask: UInt8Image, generator: np.random.Generator) -> "tuple[UInt8Image, Change]":
        """Return a changed copy of a label map, ``(H, W)``, and what its image is to be changed by.

        All changes but the flip are of levels: so a ramp of all 256 tells them.

        Args:
            mask: uint8 label map.
            generator: The only source of randomness.
        """
        levels = np.arange(256, dtype=np.uint8)[None]
        ramp, places = self(np.repeat(levels[..., None], 3, 2), levels, generator)
        flipped = bool(places[0, 0])
        table = ramp[0, :, 0]
        if not flipped:
            return mask, Change(False, table)
        return np.ascontiguousarray(mask[:, ::-1]), Change(True, np.ascontiguousarray(table[::-1]))


class Change(NamedTuple):
    """What changes an image."""

    flipped: bool
    table: UInt8Image
    """``(256,)``: the level that each level becomes."""
