"""OpenCV's face detector YuNet, with a model file of the user's."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.alignment.alignment_error import one_line
from datamodules.alignment.warp_crop import warp_crop
from datamodules.errors import DataError
from datamodules.seams.face_source import Landmarks, UInt8Image

LONGEST_SIDE = 640
"""Of the image that faces are looked for in; larger ones are shrunk."""
PADDED_SIDE = 320
"""Of an image in a frame as wide as half of it, where none is found without."""
FACE_SIDE = 100
"""Longer side of a face's box where its landmarks are measured: they move by 0.7 pixels of a crop of 112 when the
photograph is scaled, by 1.4 where they are measured at the photograph's own scale (150 crops of LFW, 6 scales)."""
WINDOW = 224
"""Side of the square around a face in which its landmarks are measured, a multiple of the network's stride of 32."""
POINTER = b"version https://git-lfs"
"""Begins what stands in the place of a file that was not fetched."""

Rows = NDArray[np.float32]
"""``(N, 15)``: x, y, width and height of a box, five points, score; in pixels of the image."""


class YuNet:
    """Finds the face that an image is of: the largest, or of those at least half as large the one nearest the middle.

    It is looked for in the image shrunk to 640 pixels, if need be with a frame around it, as in tight crops; its
    landmarks are measured once more around the face, scaled to 100 pixels.

    Args:
        model: ``face_detection_yunet_2023mar.onnx`` of OpenCV's model zoo, or a later one.
        score: Least score of a face, in [0, 1].

    Raises:
        DataError: If there is no such file, or OpenCV cannot run it as such a detector.

    Source: Wu et al., YuNet: A Tiny Millisecond-level Face Detector, 2023.
    """

    def __init__(self, model: Path | str, *, score: float = 0.6) -> None:
        path = Path(model)
        if not path.is_file():
            found = "a folder" if path.is_dir() else "nothing"
            raise DataError(f"{path}: expected YuNet's model, an ONNX file, got {found}")
        with path.open("rb") as file:
            if file.read(len(POINTER)) == POINTER:  # OpenCV's zoo keeps its models so
                raise DataError(
                    f"{path}: expected YuNet's model, got a Git LFS pointer, not the file itself: git lfs pull"
                )
        level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # errors reach the user as exceptions
        try:
            self._network: Any = cv2.FaceDetectorYN.create(str(path), "", (WINDOW, WINDOW), score)
            self._rows(np.zeros((WINDOW, WINDOW, 3), np.uint8))
        except cv2.error as error:
            raise DataError(f"{path}: expected YuNet's model, an ONNX file, got {one_line(error)}") from error
        finally:
            cv2.utils.logging.setLogLevel(level)

    def __call__(self, image: UInt8Image) -> Landmarks | None:
        """Return ``(5, 2)`` landmarks in pixels of ``image``, ``(H, W, 3)`` uint8 RGB, or ``None`` without a face."""
        face = self._found(image)
        return None if face is None else face[4:14].reshape(5, 2)

    def _found(self, image: UInt8Image) -> Rows | None:
        longest = max(image.shape[:2])
        middle = np.array(image.shape[1::-1]) / 2
        side = min(longest, LONGEST_SIDE)
        face = self._face(image, middle, longest, side)
        if face is None:
            face = self._face(image, middle, 2 * longest, PADDED_SIDE)
        if face is None:
            return None
        around = max(face[2:4]) / FACE_SIDE * WINDOW
        again = self._face(image, face[:2] + face[2:4] / 2, around, WINDOW)
        return face if again is None else again

    def _face(self, image: UInt8Image, centre: NDArray[Any], width: float, side: int) -> Rows | None:
        """Return the face of a square of an image, ``width`` pixels wide and brought to ``side``, or ``None``."""
        scale = side / width
        corner = centre - width / 2
        shift = (0.5 - corner) * scale - 0.5  # between centres of pixels
        matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
        rows = self._rows(warp_crop(image, matrix, side))
        if not len(rows):
            return None
        areas = rows[:, 2] * rows[:, 3]
        large = rows[areas >= areas.max() / 2]
        offsets = large[:, :2] + large[:, 2:4] / 2 - side / 2
        face = large[np.argmin((offsets**2).sum(1))].astype(np.float64)
        face[:14] /= scale
        face[:2] += corner
        face[4:14] += np.tile((0.5 / scale) + corner - 0.5, 5)
        return np.asarray(face, np.float32)

    def _rows(self, image: UInt8Image) -> Rows:
        self._network.setInputSize((image.shape[1], image.shape[0]))
        found = self._network.detect(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1]
        return np.empty((0, 15), np.float32) if found is None else found
