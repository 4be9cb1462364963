"""The seam for face detectors: OpenCV's, and the user's own."""

import importlib
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from datamodules.alignment.alignment_error import AlignmentError, one_line
from datamodules.alignment.yunet import YuNet
from datamodules.errors import DataError
from datamodules.seams.face_source import Landmarks, UInt8Image

YUNET = "yunet"
"""The detector that OpenCV runs, :class:`YuNet`."""


@runtime_checkable
class Detector(Protocol):
    """Anything that finds the five landmarks of the face that an image is of."""

    def __call__(self, image: UInt8Image) -> Landmarks | None:
        """Return ``(5, 2)`` landmarks in pixels of ``image``, ``(H, W, 3)`` uint8 RGB, or ``None`` without a face."""
        ...


def load_detector(spec: str, model: Path | str | None = None) -> Detector:
    """Return OpenCV's detector, or import and call a factory of one.

    Args:
        spec: ``yunet``, or ``module:factory``.
        model: The detector's file: of YuNet, else the only argument of the factory, where it is given.

    Raises:
        DataError: If it cannot be imported or called, or makes nothing that can be called.
    """
    if spec == YUNET:
        if model is None:
            raise DataError("Expected --detector-model with --detector yunet: the path of its ONNX file, got none")
        return YuNet(model)
    module, separator, factory = spec.partition(":")
    if not (module and separator and factory):
        raise DataError(f"Expected a detector as {YUNET} or module:factory, got {spec!r}")
    try:
        make = getattr(importlib.import_module(module), factory)
        detector = make() if model is None else make(str(model))
    except Exception as error:  # whatever a module of the user's raises
        raise DataError(f"Expected {spec} to make a detector, got {one_line(error)}") from error
    if not isinstance(detector, Detector):
        raise DataError(f"Expected {spec} to make a detector that can be called, got {type(detector).__name__}")
    return detector


def detect(detector: Detector, image: UInt8Image, *, name: str) -> Landmarks | None:
    """Call a detector and check what it returns.

    Raises:
        AlignmentError: If it raises, or returns anything but ``(5, 2)`` finite numbers or ``None``.
    """
    try:
        found = detector(image)
        landmarks = None if found is None else np.asarray(found, np.float32)
    except Exception as error:  # the others go on
        raise AlignmentError(
            "detector failed", f"{name}: expected landmarks from the detector, got {one_line(error)}"
        ) from error
    if landmarks is not None and (landmarks.shape != (5, 2) or not np.isfinite(landmarks).all()):
        raise AlignmentError(
            "detector failed",
            f"{name}: expected five finite (x, y) from the detector, got shape {landmarks.shape}: {landmarks.tolist()}",
        )
    return landmarks
