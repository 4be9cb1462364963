"""The seam for a face detector of the user's."""

import importlib
from typing import Protocol, runtime_checkable

import numpy as np

from datamodules.alignment.alignment_error import AlignmentError
from datamodules.errors import DataError
from datamodules.seams.face_source import Landmarks, UInt8Image


@runtime_checkable
class Detector(Protocol):
    """Anything that finds the five landmarks of the face that an image is of."""

    def __call__(self, image: UInt8Image) -> Landmarks | None:
        """Return ``(5, 2)`` landmarks in pixels of ``image``, ``(H, W, 3)`` uint8 RGB, or ``None`` without a face."""
        ...


def load_detector(spec: str) -> Detector:
    """Import and call a factory of a detector.

    Args:
        spec: ``module:factory``; the factory is called without arguments.

    Raises:
        DataError: If it cannot be imported or called, or makes nothing that can be called.
    """
    module, separator, factory = spec.partition(":")
    if not (module and separator and factory):
        raise DataError(f"Expected a detector as module:factory, got {spec!r}")
    try:
        detector = getattr(importlib.import_module(module), factory)()
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


def one_line(error: BaseException) -> str:
    r"""Return type and message of an error of other people's code in one line.

    Example:
        >>> one_line(ValueError("no\n  weights"))
        'ValueError: no weights'
    """
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
