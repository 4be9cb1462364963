"""A drawn face by its five landmarks: what maps of faces are laid over where no photograph is to be shown."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Place = NDArray[np.float64]
"""``(2,)`` x and y."""
Line = NDArray[np.float64]
"""``(K, 2)``."""
LINE, SHADOW = 1.1, 2.6  # points
CURVE = np.linspace(0, 1, 48)


def draw_face(axes: "Axes", points: NDArray[np.floating]) -> None:
    """Draw the outline of a face, its eyes, brows, nose and mouth in lines that are seen on any colour.

    Args:
        axes: In pixels of an image, rows downwards.
        points: ``(5, 2)`` x and y: left eye, right eye, nose tip, left and right mouth corner, as seen.
    """
    from matplotlib.patheffects import Normal, Stroke  # noqa: PLC0415  matplotlib's

    effects = [Stroke(linewidth=SHADOW, foreground="black", alpha=0.45), Normal()]
    for line in face_lines(points):
        axes.plot(*line.T, color="white", linewidth=LINE, path_effects=effects, clip_on=True)


def face_lines(points: NDArray[np.floating]) -> list[Line]:
    """Return the lines of a face, ``(K, 2)`` x and y each."""
    left, right, nose, mouth_left, mouth_right = np.asarray(points, np.float64)
    across, eyes, mouth = right - left, (left + right) / 2, (mouth_left + mouth_right) / 2
    down, size = mouth - eyes, float(np.linalg.norm(across))
    lines = [_oval(eyes + 0.37 * down, across * 1.08, down * 1.42)]
    for eye in (left, right):
        lines += [_oval(eye, across * 0.19, down * 0.075), _oval(eye, across * 0.06, down * 0.07)]
        lines.append(_arc(eye - 0.23 * across - 0.2 * down, eye + 0.23 * across - 0.2 * down, -0.07 * size))
    wing = 0.17 * across
    lines.append(np.stack([eyes + 0.1 * down + 0.06 * across, nose - wing * 0.9 + 0.05 * down]))
    lines.append(_arc(nose - wing + 0.05 * down, nose + wing + 0.05 * down, 0.08 * size))
    lines += [_arc(mouth_left, mouth_right, bend * size) for bend in (-0.05, 0.05, 0.17)]
    return lines


def _oval(
    centre: NDArray[np.float64], half_across: NDArray[np.float64], half_down: NDArray[np.float64]
) -> NDArray[np.float64]:
    turn = 2 * np.pi * CURVE[:, None]
    return centre + np.cos(turn) * half_across + np.sin(turn) * half_down


def _arc(start: Place, stop: Place, bend: float) -> Line:
    """Return a curve that lies ``bend`` pixels below the middle of a line, or above it where that is negative."""
    line = start + CURVE[:, None] * (stop - start)
    line[:, 1] += bend * 4 * CURVE * (1 - CURVE)
    return line
