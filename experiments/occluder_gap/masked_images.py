"""Images of covered faces with their masks: two folders, or RGBA files."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.occluders.rgba_image import PRESENT, read_rgba
from datamodules.seams.face_source import UInt8Image
from datamodules.sources.decode import IMAGE_EXTENSIONS, read_image
from datamodules.sources.walk import files_below
from experiments.occluder_templates.found_templates import SHEET

IMAGES, MASKS = ("images", "image", "img", "imgs"), ("masks", "mask", "labels")
_SHOWN = 20


class MaskedImage(NamedTuple):
    """A covered face and where it is covered."""

    name: str
    """Path without extension: what two sets have in common is the same photograph."""
    image: UInt8Image
    """``(S, S, 3)`` RGB."""
    mask: NDArray[np.bool_]
    """``(S, S)``: true where the occluder is."""


def masked_images(folder: Path, size: int) -> Iterator[MaskedImage]:
    """Yield the images of a folder with their masks, all of one size.

    A folder has ``images`` and ``masks``, each mask a picture of the image's name that is bright (128 and more) where
    the occluder is; or, as LFW-occ's categories, images and ``labels``; or RGBA images alone, whose alpha is the mask.

    Args:
        folder: The folder.
        size: Side in pixels that all are brought to.

    Raises:
        DataError: If there is no image, an image has no mask or a mask no image, the first of which are named, sizes
            differ, or a file cannot be read.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: expected a folder of images with masks, found none")
    images, masks = (next((folder / n for n in names if (folder / n).is_dir()), None) for names in (IMAGES, MASKS))
    if masks is None:
        yield from (fitted(name, *_of_rgba(folder / name), size) for name in _files(folder))
        return
    for name, (image, mask) in _partners(images or folder, masks).items():
        yield fitted(name, *_pixels(image, mask), size)


def fitted(name: str, image: UInt8Image, mask: NDArray[np.bool_], size: int) -> MaskedImage:
    """Return an image and its mask in one size, called by its path without extension."""
    how = cv2.INTER_AREA if size < min(image.shape[:2]) else cv2.INTER_LINEAR
    small = cv2.resize(mask.astype(np.float32), (size, size), interpolation=how) >= 0.5
    pixels = np.asarray(cv2.resize(image, (size, size), interpolation=how), np.uint8)
    return MaskedImage(_called(name), pixels, small)


def _files(folder: Path) -> Sequence[str]:
    names = [name for name in files_below(folder, IMAGE_EXTENSIONS) if not Path(name).name.startswith(SHEET)]
    if not names:
        raise DataError(f"{folder}: expected RGBA images, or the folders images and masks, got neither")
    return names


def _partners(images: Path, masks: Path) -> dict[str, tuple[Path, Path]]:
    """Return image and mask of every name."""
    one = _by_name(images, [name for name in _files(images) if masks not in (images / name).parents])
    other = _by_name(masks, _files(masks))
    if alone := sorted(one.keys() ^ other.keys()):
        more = f" and {len(alone) - _SHOWN} more" if len(alone) > _SHOWN else ""
        shown = ", ".join(alone[:_SHOWN])
        raise DataError(f"{images}: expected an image and a mask of each name, got only one of {shown}{more}")
    return {name: (images / one[name], masks / other[name]) for name in one}


def _by_name(folder: Path, files: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for file in files:
        if (before := found.setdefault(_called(file), file)) != file:
            raise DataError(f"{folder}: expected one file of a name, got {before} and {file}")
    return found


def _pixels(image: Path, mask: Path) -> tuple[UInt8Image, NDArray[np.bool_]]:
    pixels, marks = read_image(image), read_image(mask).max(2)
    if pixels.shape[:2] != marks.shape:
        raise DataError(f"{mask}: expected a mask of the image's {pixels.shape[:2]}, got {marks.shape}")
    if 0 < marks.max() < PRESENT:
        raise DataError(f"{mask}: expected a mask that is bright ({PRESENT} and more), got values up to {marks.max()}")
    return pixels, marks >= PRESENT


def _of_rgba(path: Path) -> tuple[UInt8Image, NDArray[np.bool_]]:
    rgba = read_rgba(path)
    return rgba[..., :3], rgba[..., 3] >= PRESENT


def _called(name: str) -> str:
    return Path(name).with_suffix("").as_posix()
