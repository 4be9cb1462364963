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


def write_celebamask(root: Path, number: int = 4) -> Path:
    """Write ``CelebA-HQ-img/0.jpg``, 128², and its parts, 64², ``CelebAMask-HQ-mask-anno/0/00000_skin.png``, …"""
    (root / "CelebA-HQ-img").mkdir(parents=True)
    for index in range(number):
        image, face, bar = face_and_bar(index)
        large = image.repeat(2, 0).repeat(2, 1)
        (root / "CelebA-HQ-img" / f"{index}.jpg").write_bytes(encode(large))
        nose, hair = np.zeros_like(face), ~face
        nose[30:36, 30:36], hair[12:] = True, False
        parts = {"skin": face & ~bar & ~nose, "nose": nose & ~bar, "hair": hair, "eye_g": bar}
        folder = root / "CelebAMask-HQ-mask-anno" / str(index // 2)
        for part, marked in parts.items():
            if marked.any():
                write_mask(folder / f"{index:05d}_{part}.png", marked)
    return root


def write_ocfr(root: Path, number: int = 4, *, alone: bool = True) -> Path:
    """Write ``faces/Ada/Ada_0001.jpg`` and, in ``occlusions_1``, occluders on black, or faces under them, and masks."""
    for index in range(1, number + 1):
        image, _, bar = face_and_bar(index, 112)
        person = f"{'Ada' if index % 2 else 'Bob'}"
        name = f"{person}/{person}_{index:04d}"
        shown = np.where(bar[..., None], image, 0).astype(np.uint8) if alone else image
        faces, covers = root / "faces" / f"{name}.jpg", root / "occlusions_1" / f"{name}_occlusion.jpg"
        for path, content in ((faces, pseudo_face(index, size=(112, 112))), (covers, shown)):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode(content))
        write_mask(root / "occlusions_1" / f"{name}_occlusion_mask.jpg", ~bar)
    return root
