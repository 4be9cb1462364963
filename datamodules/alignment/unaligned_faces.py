"""The images of a folder, and where their landmarks come from."""

import threading
from collections.abc import Sequence
from pathlib import Path

from datamodules.alignment.aligner import FacePoints
from datamodules.alignment.alignment_error import AlignmentError
from datamodules.alignment.detector import Detector, detect
from datamodules.alignment.landmark_table import LandmarkTable
from datamodules.errors import DataError
from datamodules.seams.face_source import UInt8Image
from datamodules.sources.decode import IMAGE_EXTENSIONS, decode_image
from datamodules.sources.walk import files_below


class UnalignedFaces:
    """Images and where their landmarks come from.

    Args:
        root: Folder of images, at any depth.
        table: Landmarks by path below ``root``.
        detector: Asked for images that the table lacks, by one thread at a time.

    Raises:
        DataError: If there is neither table nor detector, there are no images, or none is in the table.
    """

    def __init__(self, root: Path | str, table: LandmarkTable | None = None, detector: Detector | None = None) -> None:
        self.root = Path(root)
        self.table = table
        self.detector = detector
        if table is None and detector is None:
            raise DataError(f"{self.root}: expected a list of landmarks or a detector, got neither")
        self.names = find_images(self.root)
        self.rows_without_image = _rows_without_image(self.root, table, self.names)
        if table is not None and len(self.rows_without_image) == len(table) and detector is None:
            missing = self.rows_without_image[0]
            raise DataError(
                f"{table.path}: line {table.line(missing)}: expected paths below {self.root}, such as "
                f"{self.names[0]!r}, got {missing!r} and no row with an image"
            )
        self._turn = threading.Lock()

    def image(self, name: str) -> UInt8Image:
        """Read an image.

        Raises:
            AlignmentError: If it cannot be read or decoded.
        """
        path = self.root / name
        try:
            return decode_image(path.read_bytes(), name=name)
        except OSError as error:
            raise AlignmentError(
                "image cannot be read", f"{name}: expected an image file, got {error.strerror}"
            ) from None
        except DataError as error:
            raise AlignmentError("image cannot be read", str(error)) from None

    def landmarks(self, name: str, image: UInt8Image) -> FacePoints:
        """Find the landmarks of an image.

        Raises:
            AlignmentError: If there are none.
        """
        landmarks = None if self.table is None else self.table.landmarks(name)
        if landmarks is None and self.detector is not None:
            with self._turn:
                landmarks = detect(self.detector, image, name=name)
        if landmarks is None:
            raise AlignmentError("no landmarks", f"{name}: expected landmarks, got {self._tried()}")
        return landmarks

    def _tried(self) -> str:
        row = "" if self.table is None else f"no row in {self.table.path}"
        face = "" if self.detector is None else "no face from the detector"
        return " and ".join(filter(None, (row, face)))


def find_images(root: Path) -> list[str]:
    """Paths of all images below a folder, sorted by their bytes; hidden files and folders are passed over.

    Raises:
        DataError: If it is no readable folder, or without an image.
    """
    found = files_below(root, IMAGE_EXTENSIONS)
    if not found:
        raise DataError(f"{root}: expected a folder with images in it, got none")
    return found


def _rows_without_image(root: Path, table: LandmarkTable | None, names: Sequence[str]) -> list[str]:
    if table is None:
        return []
    there = set(names)
    return [name for name in table if name not in there]
