"""A sheet of occluder images on drawn faces, by which anchors are corrected."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from callbacks.figures.style import LETTERS, bare, empty_figure
from datamodules.occluders.anchors import LANDMARK_NAMES
from datamodules.occluders.own_images import OwnImage, load_sprite
from datamodules.occluders.paste import paste
from datamodules.occluders.reduced_image import reduced
from datamodules.occluders.rgba_image import read_rgba
from datamodules.seams.face_source import Landmarks, UInt8Image
from datamodules.sources import SyntheticFaces
from datamodules.whole_file import whole_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FACE, PREVIEW = 224, 160
"""Sides in pixels: of a drawn face, of an occluder's own picture."""
COLUMNS, ROWS = 4, 6
PER_PAGE = COLUMNS * ROWS
_DRAWN_FACES = range(1, 5)
"""Those of the generated ones that are well lit and sharp."""
_SQUARE = 8


def draw_sheets(entries: Sequence[OwnImage], path: Path) -> list[Path]:
    """Write sheets of 24 occluders each: on a drawn face, exactly by their anchors, and alone with the anchors.

    Args:
        entries: Occluders, as a listing has them.
        path: PNG file of the first sheet; further ones have ``_2``, ``_3``, … before the extension.

    Returns:
        The files that were written.

    Raises:
        DataError: If an image cannot be used.
    """
    faces = SyntheticFaces(_DRAWN_FACES.stop, 1, image_size=FACE, seed=3)
    drawn = [(faces.image(k), np.asarray(faces.landmarks(k))) for k in _DRAWN_FACES]
    written = []
    for start in range(0, len(entries), PER_PAGE):
        page = start // PER_PAGE + 1
        place = path if page == 1 else path.with_stem(f"{path.stem}_{page}")
        _draw_page(entries[start : start + PER_PAGE], drawn, start, place)
        written.append(place)
    return written


def worn(entry: OwnImage, face: UInt8Image, landmarks: Landmarks) -> UInt8Image:
    """Return a face under one occluder, exactly where its anchors put it."""
    sprite = load_sprite(entry)
    covered, mask = face.copy(), np.zeros(face.shape[:2], np.uint8)
    matrix = (sprite.solver @ np.asarray(landmarks, np.float64).ravel()).reshape(2, 3)
    paste(covered, mask, sprite, matrix)
    return covered


def preview(entry: OwnImage) -> tuple[UInt8Image, dict[str, tuple[float, float]]]:
    """Return an occluder's picture over a chequered ground, at most 160 pixels wide or high, and its anchors there."""
    image = read_rgba(entry.path)
    coarse = reduced(image, 4 * PREVIEW)
    height, width = coarse.alpha.shape
    factor = min(1.0, PREVIEW / max(height, width))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    small = cv2.resize(np.dstack([coarse.rgb, coarse.alpha]), size, interpolation=cv2.INTER_AREA)
    y, x = np.mgrid[: size[1], : size[0]] // _SQUARE
    ground = np.where((x + y) % 2, 205.0, 235.0)[..., None]
    picture = np.clip(np.rint(small[..., :3] + (1 - small[..., 3:]) * ground), 0, 255).astype(np.uint8)
    shown = {name: coarse.place(*point) for name, point in entry.anchors.items()}
    return picture, {name: (across * factor, down * factor) for name, (across, down) in shown.items()}


def _draw_page(
    entries: Sequence[OwnImage], faces: Sequence[tuple[UInt8Image, Landmarks]], start: int, path: Path
) -> None:
    rows = -(-len(entries) // COLUMNS)
    columns = min(COLUMNS, len(entries))
    figure = empty_figure(3.4 * columns, 2.05 * rows)
    panels = figure.subplots(rows, 2 * columns, squeeze=False).flat
    for number, entry in enumerate(entries, start=start):
        face, landmarks = faces[number % len(faces)]
        on_face, alone = next(panels), next(panels)
        on_face.imshow(worn(entry, face, landmarks))
        on_face.plot(*_followed(entry, landmarks).T, "+", color="cyan", markersize=5, markeredgewidth=0.8)
        on_face.set_title(f"{number + 1}  {entry.category}", fontsize=LETTERS, loc="left", parse_math=False)
        picture, anchors = preview(entry)
        alone.imshow(picture)
        alone.plot(*np.array(list(anchors.values())).T, "+", color="red", markersize=5, markeredgewidth=0.8)
        alone.set_title(_short(entry.path.name), fontsize=LETTERS - 2, loc="left", parse_math=False)
        for axes in (on_face, alone):
            _framed(axes)
    for axes in panels:
        axes.set_visible(False)
    with whole_file(path) as file:
        figure.savefig(file, format="png")


def _followed(entry: OwnImage, landmarks: Landmarks) -> Landmarks:
    """Return the landmarks of the face that an occluder follows; mouth, chin and such are no landmarks themselves."""
    named = [k for k, name in enumerate(LANDMARK_NAMES) if name in entry.anchors]
    return landmarks[named]


def _framed(axes: "Axes") -> None:
    """Show the whole picture: anchors may lie far outside of it."""
    bare(axes)
    axes.margins(0.02)


def _short(name: str) -> str:
    return name if len(name) <= 24 else f"{name[:11]}…{name[-11:]}"
