"""Drawn instances on disk: each is drawn once for all processes, and read by those that come later."""

import hashlib
import io
import sys
import zipfile
import zlib
from contextlib import suppress
from functools import cache
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from datamodules.npz_file import read_npz
from datamodules.occluders import anchors, sprite
from datamodules.occluders.drawn.categories import CATEGORIES, drawn_sprite
from datamodules.occluders.drawn.colours import Split
from datamodules.occluders.sprite import Level, Sprite
from datamodules.sources import canonical_face
from datamodules.whole_file import write_whole

DRAWN_BY = (anchors, sprite, canonical_face)
"""Modules outside of this package that instances are drawn by."""
ARRAYS = ("pixels", "sizes", "to_sprite", "solver", "centre", "units")
_CHANNELS = 5  # red, green, blue, alpha and shape


@cache
def kept_sprite(folder: Path, category: str, split: Split, index: int) -> Sprite:
    """Return instance ``index`` of a category as :func:`drawn_sprite` draws it, read once per process where it is kept.

    It is kept under a name that no other code, and no other version of the libraries that draw, has. A file that is
    damaged is drawn and written again; where none can be written, the instance is drawn by each process.

    Args:
        folder: Where instances are kept; made if it does not exist.
        category: One of :data:`CATEGORIES`.
        split: ``train`` or ``held_out``.
        index: Any number from 0.
    """
    path = folder / f"{category}-{split}-{index}-{code_digest(category)}.npz"
    try:
        return _read(path, category)
    except (OSError, ValueError, KeyError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error):
        drawn = drawn_sprite(category, split, index)
    with suppress(OSError):
        write_whole(path, _written(drawn), lasting=False)
    return drawn


@cache
def code_digest(category: str) -> str:
    """Return sixteen digits that stand for the code that draws a category, its libraries' versions included."""
    own = sys.modules[CATEGORIES[category].draw.__module__]  # of somebody's category elsewhere
    files = [*Path(__file__).parent.glob("*.py"), *(Path(str(module.__file__)) for module in (*DRAWN_BY, own))]
    hashed = hashlib.sha256(f"{np.__version__} {cv2.__version__}".encode())
    for file in sorted(set(files)):
        hashed.update(hashlib.sha256(file.read_bytes()).digest())
    return hashed.hexdigest()[:16]


def _written(drawn: Sprite) -> bytes:
    levels = drawn.levels
    different = [levels[0], *(level for before, level in pairwise(levels) if level is not before)]
    sheets = [np.dstack([level.rgba, level.shape]).ravel() for level in different]
    content = io.BytesIO()
    np.savez(
        content,
        pixels=np.concatenate(sheets),
        sizes=np.array([level.shape.shape for level in levels]),
        to_sprite=np.stack([level.to_sprite for level in levels]),
        solver=drawn.solver,
        centre=np.array(drawn.centre),
        units=np.array(drawn.units),
    )
    return content.getvalue()


def _read(path: Path, category: str) -> Sprite:
    held = read_npz(path, ARRAYS)
    levels: list[Level] = []
    start = 0
    for size, to_sprite in zip(held["sizes"].tolist(), held["to_sprite"], strict=True):
        if levels and levels[-1].shape.shape == tuple(size):
            levels.append(levels[-1])
            continue
        stop = start + _CHANNELS * size[0] * size[1]
        sheet = held["pixels"][start:stop].reshape(*size, _CHANNELS)
        levels.append(Level(sheet[..., :4].copy(), sheet[..., 4].copy(), to_sprite))
        start = stop
    centre = held["centre"].tolist()
    play = CATEGORIES[category].play
    return Sprite(tuple(levels), held["solver"], (centre[0], centre[1]), float(held["units"]), play)
