"""Anchors of an occluder image that has none: from where its alpha is, and what it is."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.occluders.anchors import ANCHORS
from datamodules.occluders.own_images import OwnImage
from datamodules.occluders.rgba_image import PRESENT, read_rgba
from datamodules.occluders.seats import SEATS, Seat, kind_of
from datamodules.seams.face_source import UInt8Image
from datamodules.sources.canonical_face import FACE

Points = Mapping[str, tuple[float, float]]
_BODY = 0.25
_LEAST = 8


class Body(NamedTuple):
    """Edges of an occluder without what is thin, in pixels; the centres of pixels are whole numbers."""

    left: float
    top: float
    right: float
    bottom: float


def alpha_body(alpha: UInt8Image) -> Body:
    """Return the part of an image that its occluder fills, ear loops, temples and specks aside.

    It reaches from the first to the last column that is covered at least a quarter as much as the fullest one; rows
    alike. What is covered has an alpha of at least 128.

    Args:
        alpha: ``(H, W)`` uint8, not empty.

    Example:
        >>> alpha = np.zeros((40, 60), np.uint8)
        >>> alpha[10:30, 20:40] = 255
        >>> alpha[20, :20] = 255  # a string
        >>> alpha_body(alpha)
        Body(left=19.5, top=9.5, right=39.5, bottom=29.5)
    """
    covered = alpha >= PRESENT
    left, right = _extent(covered.sum(axis=0))
    top, bottom = _extent(covered.sum(axis=1))
    return Body(left - 0.5, top - 0.5, right + 0.5, bottom + 0.5)


def derived_entry(path: Path, category: str, kind: str) -> OwnImage:
    """Return an image's entry of the listing: the seat of its kind, laid on what its alpha covers.

    Args:
        path: RGBA image.
        category: What the entry is called.
        kind: One of ``SEATS``.

    Raises:
        DataError: If the image cannot be read, is opaque everywhere, covers next to nothing, or is so narrow or flat
            that the face's points lie too far outside of it.
    """
    seat = SEATS[kind]
    alpha = _checked_alpha(path)
    body = alpha_body(alpha)
    if min(body.right - body.left, body.bottom - body.top) < _LEAST:
        found = f"{body.right - body.left:.0f} x {body.bottom - body.top:.0f}"
        raise DataError(f"{path}: expected an occluder of at least {_LEAST} pixels each way, got one of {found}")
    anchors = _within(_seated(body, seat), seat, alpha.shape)
    needed = 2 if seat.fit == "similarity" else 3
    if len(anchors) < needed:
        height, width = alpha.shape
        raise DataError(
            f"{path}: expected an image that {kind} can be seated by, got one of {width} x {height} pixels whose face "
            "would lie more than an image's size outside: cut it, or write its anchors by hand"
        )
    return OwnImage(path, category, anchors, seat.fit)


def framed_entry(
    path: Path, category: str, points: NDArray[np.float64], size: tuple[int, int] | None = None
) -> OwnImage:
    """Return the entry of an image that is a whole aligned face of which alpha leaves the occluder alone.

    Args:
        path: RGBA image.
        category: What the entry is called.
        points: The five landmarks ``(5, 2)`` of all such faces.
        size: Height and width of the image that they refer to; ``None``: of this one.

    Raises:
        DataError: If the image cannot be read, or is opaque everywhere.
    """
    height, width = _checked_alpha(path).shape
    across, down = (1.0, 1.0) if size is None else (width / size[1], height / size[0])
    scaled = (points + 0.5) * (across, down) - 0.5
    return OwnImage(path, category, dict(zip(list(ANCHORS)[:5], _rounded(scaled), strict=True)))


def named_kind(name: str) -> str | None:
    """Return the kind that a file's own name or, if that tells none, a folder above it is named as."""
    parts = reversed(Path(name).with_suffix("").parts)
    return next((kind for part in parts if (kind := kind_of(part)) is not None), None)


def _checked_alpha(path: Path) -> UInt8Image:
    alpha = read_rgba(path)[..., 3]
    if alpha.min() >= PRESENT:
        raise DataError(
            f"{path}: expected transparency around an occluder, got an image that is opaque everywhere: its background "
            "was not removed"
        )
    return alpha


def _extent(covered: NDArray[np.int64]) -> tuple[int, int]:
    body = np.flatnonzero(covered >= _BODY * covered.max())
    return int(body[0]), int(body[-1])


def _seated(body: Body, seat: Seat) -> Points:
    """Return every point of the face in pixels of the image, once its body is laid on the seat's box."""
    left, top, right, bottom = body
    width, height = right - left, bottom - top
    box_left, box_top, box_right, box_bottom = seat.box
    across, down = (box_right - box_left) / width, (box_bottom - box_top) / height  # face units per pixel
    if seat.hold != "fill":
        across = down = min(across, down) if seat.hold == "inside" else across
    x = (box_left + box_right) / 2 - across * (left + right) / 2
    held = {"top": box_top - down * top, "bottom": box_bottom - down * bottom}
    y = held.get(seat.hold, (box_top + box_bottom) / 2 - down * (top + bottom) / 2)
    face = np.stack(list(ANCHORS.values())) @ FACE  # (9, 2)
    return dict(zip(ANCHORS, _rounded((face - (x, y)) / (across, down)), strict=True))


def _within(points: Points, seat: Seat, size: tuple[int, ...]) -> dict[str, tuple[float, float]]:
    """Keep the seat's anchors that a listing may hold, or, of too narrow or flat an image, whatever points it may."""
    height, width = size
    near = {name: (x, y) for name, (x, y) in points.items() if -width <= x < 2 * width and -height <= y < 2 * height}
    wanted = {name: near[name] for name in seat.anchors if name in near}
    return wanted if len(wanted) == len(seat.anchors) else near


def _rounded(points: NDArray[np.float64]) -> list[tuple[float, float]]:
    return [(round(float(x), 1), round(float(y), 1)) for x, y in points]
