"""An occlusion map as the page shows it: over its face, with position and value of what is pointed at."""

from collections.abc import Iterator
from html import escape

import numpy as np
from numpy.typing import NDArray

from callbacks.figures.style import MAP_COLOURS
from experiments.demo_page.face_maps import FaceMap
from experiments.demo_page.page_parts import data_uri, paragraph, part, table

OPACITY = 0.62
"""Of a cell over its face."""


def map_page(found: FaceMap) -> str:
    """Return a map as HTML: a picture whose cells say their values when they are pointed at, and a table of them."""
    row, column = np.unravel_index(int(found.values.argmin()), found.values.shape)
    place = f"row {found.rows[row]}, column {found.columns[column]}"
    said = f"Without a square the {found.what} is {found.clean:.3f}; it is least, {found.values.min():.3f}, at {place}."
    return part(
        paragraph(said, kind="verdict"),
        paragraph(
            "Point at a cell, or tap it: the value with a grey square around that pixel. Dark is low.", kind="note"
        ),
        f'<figure class="map">{drawing(found)}<figcaption>{escape(_scale(found))}</figcaption></figure>',
        *([paragraph(f"Each place took the whole network: {found.note}.", kind="note")] if found.note else []),
        _numbers(found),
    )


def drawing(found: FaceMap) -> str:
    """Return an SVG of a face and a cell for each value; what a cell says is shown when it is pointed at."""
    side = len(found.face)
    alt = f"Map of the {found.what}, {found.values.min():.3f} to {found.values.max():.3f}, over the face"
    below = side + 0.1 * side
    return (
        f'<svg viewBox="0 0 {side} {below:g}" role="img" aria-label="{escape(alt)}">'
        f'<image href="{data_uri(found.face)}" width="{side}" height="{side}"/>{"".join(_cells(found))}</svg>'
    )


def _cells(found: FaceMap) -> Iterator[str]:
    colours = _colours(found)
    lefts, rights = _edges(found.columns, len(found.face))
    tops, bottoms = _edges(found.rows, len(found.face))
    side = len(found.face)
    for i, row in enumerate(found.rows.tolist()):
        for j, column in enumerate(found.columns.tolist()):
            said = f"row {row}, column {column}: {found.values[i, j]:.3f}"
            yield (
                f'<g class="cell"><rect x="{lefts[j]:g}" y="{tops[i]:g}" width="{rights[j] - lefts[j]:g}" '
                f'height="{bottoms[i] - tops[i]:g}" fill="{colours[i][j]}" fill-opacity="{OPACITY}"/>'
                f'<text x="1" y="{1.075 * side:g}" font-size="{0.045 * side:g}">{said}</text></g>'
            )


def _edges(centres: NDArray[np.int64], side: int) -> tuple[list[float], list[float]]:
    """Return where cells around centres begin and end: half way to their neighbours."""
    between = ((centres[1:] + centres[:-1]) / 2 + 0.5).tolist()
    return [0.0, *between], [*between, float(side)]


def _colours(found: FaceMap) -> list[list[str]]:
    from matplotlib import colormaps  # noqa: PLC0415  half a second, when something is drawn
    from matplotlib.colors import to_hex  # noqa: PLC0415

    least, most = float(found.values.min()), float(found.values.max())
    shares = (found.values - least) / max(most - least, 1e-9)
    return [[to_hex(colour) for colour in line] for line in colormaps[MAP_COLOURS](shares)]


def _scale(found: FaceMap) -> str:
    return f"{found.what}: black {found.values.min():.3f}, yellow {found.values.max():.3f}"


def _numbers(found: FaceMap) -> str:
    rows = ([str(row), *(f"{value:.2f}" for value in line)] for row, line in zip(found.rows, found.values, strict=True))
    head = ("row \\ column", *map(str, found.columns.tolist()))
    return f"<details><summary>As a table</summary>{table(head, rows, caption=found.what)}</details>"
