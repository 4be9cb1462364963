"""Small copies of sets of labelled photographs, in the layouts in which they circulate: drawn faces, real files."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.helpers.faces_on_disk import encode, pseudo_face

Pixels = NDArray[np.bool_]


def face_and_bar(number: int, size: int = 64) -> tuple[NDArray[np.uint8], Pixels, Pixels]:
    """Return a drawn face under a bar, the ellipse of the face, and the bar; every third face has none."""
    image = pseudo_face(number, size=(size, size))
    face = np.zeros((size, size), np.uint8)
    cv2.ellipse(face, (size // 2, size // 2), (size // 3, int(size * 0.42)), 0, 0, 360, 1, -1)
    bar = np.zeros((size, size), bool)
    if number % 3:
        top = size // 4 + (5 * number) % (size // 4)
        bar[top : top + size // 8, size // 4 : size - size // 8] = True
        image[bar] = (200, 10 * (number % 9), 20)
    return image, face.astype(bool), bar


def write_masks(root: Path, number: int = 12, *, images: str = "img", masks: str = "mask", white: int = 255) -> Path:
    """Write ``root/img/0001.jpg`` and ``root/mask/0001.png`` and so on: white is the visible face."""
    for folder in (images, masks):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for index in range(1, number + 1):
        image, face, bar = face_and_bar(index)
        (root / images / f"{index:04d}.jpg").write_bytes(encode(image))
        write_mask(root / masks / f"{index:04d}.png", face & ~bar, white)
    return root


def write_mask(path: Path, marked: Pixels, white: int = 255, dtype: type[np.generic] = np.uint8) -> Path:
    """Write a grey mask."""
    path.parent.mkdir(parents=True, exist_ok=True)
    level = np.where(marked, white, 0).astype(dtype)
    path.write_bytes(cv2.imencode(path.suffix, level)[1].tobytes())
    return path
