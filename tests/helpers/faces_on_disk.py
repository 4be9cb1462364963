"""Small datasets in the formats users have: generated faces, encoded for real."""

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray


def pseudo_face(identity: int, shot: int = 0, *, size: tuple[int, int] = (112, 112)) -> NDArray[np.uint8]:
    """Draw a head, eyes and a mouth: colours tell the identity, noise the shot. ``(H, W, 3)`` RGB, deterministic."""
    height, width = size
    skin = tuple(int(value) for value in np.random.default_rng(identity).integers(90, 230, 3))
    image = np.full((height, width, 3), 40 + 10 * (identity % 8), dtype=np.uint8)
    cv2.ellipse(image, (width // 2, height // 2), (width // 3, int(height * 0.42)), 0, 0, 360, skin, -1)
    for x, y in ((0.36, 0.45), (0.64, 0.45), (0.5, 0.8)):
        cv2.circle(image, (int(width * x), int(height * y)), max(1, width // 16), (30, 20, 20), -1)
    noise = np.random.default_rng([identity, shot]).integers(-12, 13, image.shape)
    face: NDArray[np.uint8] = np.clip(image + noise, 0, 255).astype(np.uint8)
    return face


def encode(image: NDArray[np.uint8], extension: str = "jpg") -> bytes:
    """Encode an RGB image; the extension names the format."""
    return cv2.imencode(f".{extension}", image[..., ::-1])[1].tobytes()


def write_image_folder(
    root: Path,
    counts: Mapping[str, int],
    *,
    size: tuple[int, int] = (112, 112),
    extension: str = "jpg",
) -> Path:
    """Write ``root/<name>/<name>_0001.jpg`` and so on, ``counts[name]`` of each; return ``root``.

    The identity's number is its place among the sorted names, as a reader numbers them.
    """
    for identity, name in enumerate(sorted(counts)):
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        for shot in range(counts[name]):
            image = encode(pseudo_face(identity, shot, size=size), extension)
            (folder / f"{name}_{shot + 1:04d}.{extension}").write_bytes(image)
    return root
