"""LFW-occ from a folder that ``experiments.make_lfw_occ`` has made, checked against its manifest when read."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.protocols.lfw_occ.drawn_protocol import suffix_of
from datamodules.protocols.lfw_occ.frozen_instances import pixels_hash
from datamodules.protocols.lfw_occ.manifest import (
    MANIFEST,
    SETTINGS,
    ManifestRows,
    image_path,
    label_path,
    read_manifest,
)
from datamodules.protocols.lfw_occ.occluded_faces import Covered, LfwPairs, numbered_pairs, occluded_protocol
from datamodules.seams.evaluation_protocol import EvaluationProtocol
from datamodules.seams.face_source import FaceSource, UInt8Image
from datamodules.sources.decode import decode_image


class MadeImages:
    """Occluded images of a made folder; each is compared with its hash when it is read."""

    def __init__(self, folder: Path, rows: ManifestRows) -> None:
        self.folder = folder
        self.rows = rows

    def image(self, faces: FaceSource, covered: Covered) -> UInt8Image:
        """See :class:`Renderer`.

        Raises:
            DataError: If it is missing, broken or another image than the manifest's; the message names it.
        """
        path = image_path(self.folder, covered.category, covered.pair)
        image = read_image(path)
        _compare(path, pixels_hash(image), self.rows[covered.category, covered.pair].sha256)
        return image

    def label_map(self, faces: FaceSource, covered: Covered) -> UInt8Image:
        """See :class:`Renderer`; raises as :meth:`image`."""
        path = label_path(self.folder, covered.category, covered.pair)
        label_map = read_label_map(path)
        _compare(path, pixels_hash(label_map), self.rows[covered.category, covered.pair].label_sha256)
        return label_map


def lfw_occ_from(
    folder: Path | str, root: Path | str, pairs: Path | str, *, allow_missing: bool = False
) -> EvaluationProtocol:
    """LFW's pairs; left images are LFW's, right ones those of a made folder.

    Args:
        folder: Holds ``manifest.csv``, ``manifest.json`` and the images.
        root: Folder of LFW's images, ``Name/Name_0001.jpg``, or with another of ``IMAGE_EXTENSIONS``.
        pairs: The file of pairs that the folder was made with.
        allow_missing: Leave pairs out whose image is not in ``root``, and list them in the protocol.

    Returns:
        Protocol ``lfw_occ`` with a condition for each category of the folder. Hashes are compared when an image is
        read.

    Raises:
        DataError: If the manifest cannot be read, or has no row or another right image for a pair.
    """
    folder = Path(folder)
    settings, rows = read_settings(folder), read_manifest(folder / MANIFEST)
    listed = numbered_pairs(root, pairs, allow_missing=allow_missing)
    categories = [str(category) for category in settings["categories"]]
    for category in categories:
        _check_rows(folder / MANIFEST, rows, listed, category)
    return occluded_protocol(listed, categories, MadeImages(folder, rows), suffix_of(settings["severity"]))


def read_settings(folder: Path) -> dict[str, Any]:
    """Return the settings that a folder was made with.

    Raises:
        DataError: If its ``manifest.json`` is missing or none.
    """
    path = folder / SETTINGS
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: expected the settings of a made LFW-occ, got {error.strerror}") from None
    except (ValueError, RecursionError):
        raise DataError(f"{path}: expected the settings of a made LFW-occ, got no JSON") from None
    settings = content.get("settings") if isinstance(content, dict) else None
    wanted = {"categories": list, "severity": str | None, "seed": int, "size": int, "landmarks": str}
    if not isinstance(settings, dict) or not all(isinstance(settings.get(k), t) for k, t in wanted.items()):
        raise DataError(f"{path}: expected settings {', '.join(wanted)}, got {str(settings)[:80]}")
    return settings


def read_image(path: Path) -> UInt8Image:
    """Read an occluded image.

    Raises:
        DataError: If it is missing or broken.
    """
    return decode_image(_read(path), name=str(path))


def read_label_map(path: Path) -> UInt8Image:
    """Read a label map; raises as :func:`read_image`."""
    data = _read(path)
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE) if data else None
    except cv2.error:  # for instance more pixels than OpenCV allows
        pixels = None
    if pixels is None:
        raise DataError(f"{path}: expected a label map, got a broken image")
    label_map: NDArray[np.uint8] = (np.asarray(pixels) > 0).astype(np.uint8)
    return label_map


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: expected an image of LFW-occ, got {error.strerror}") from None


def _compare(path: Path, found: str, expected: str) -> None:
    if found != expected:
        raise DataError(f"{path}: expected pixels of SHA-256 {expected[:16]}…, as {MANIFEST} tells, got {found[:16]}…")


def _check_rows(path: Path, rows: ManifestRows, listed: LfwPairs, category: str) -> None:
    for number, _, image in listed.items():
        row = rows.get((category, number))
        if row is None or row.image != image:
            found = "no row" if row is None else row.image
            raise DataError(f"{path}: expected {image} for {category}, pair {number}, got {found}")
