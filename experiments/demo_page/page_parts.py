"""Pieces of the page: pictures with words for who does not see them, notes, and errors in one line."""

import base64
import textwrap
from collections.abc import Iterable
from html import escape
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from callbacks.figures.style import OCCLUDER_COLOUR, TINT
from datamodules.seams.face_source import UInt8Image
from experiments.cli.user_errors import LONGEST_MESSAGE


def data_uri(image: UInt8Image) -> str:
    """Return an image ``(H, W, 3)`` as the address of a PNG that is in the page itself."""
    png = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1]
    return f"data:image/png;base64,{base64.b64encode(png.tobytes()).decode()}"


def figure(image: UInt8Image, *, alt: str, caption: str) -> str:
    """Return an image with what it shows, for who cannot see it, and what stands below it."""
    return (
        f'<figure><img src="{data_uri(image)}" width="{image.shape[1]}" height="{image.shape[0]}" '
        f'alt="{escape(alt)}"><figcaption>{escape(caption)}</figcaption></figure>'
    )


def row(figures: Iterable[str]) -> str:
    """Return figures beside each other, below each other where there is no room."""
    return f'<div class="pictures">{"".join(figures)}</div>'


def part(*content: str, heading: str = "") -> str:
    """Return what is shown of one answer."""
    head = f"<h3>{escape(heading)}</h3>" if heading else ""
    return f'<section class="ours">{head}{"".join(content)}</section>'


def paragraph(text: str, *, kind: str = "text") -> str:
    """Return text as a paragraph; ``kind`` is a class of the style sheet: ``note``, ``error``, ``verdict``."""
    return f'<p class="{kind}">{escape(text)}</p>'


def error_box(message: str) -> str:
    """Return a message of what is wrong, in one line, read out at once.

    Example:
        >>> error_box("Expected <5")
        '<section class="ours"><p class="error" role="alert">Expected &lt;5</p></section>'
    """
    shown = message.encode(errors="replace").decode()  # names of files may have bytes that are no text
    line = textwrap.shorten(shown, LONGEST_MESSAGE, placeholder=" …")
    return f'<section class="ours"><p class="error" role="alert">{escape(line)}</p></section>'


def table(head: Iterable[str], rows: Iterable[Iterable[str]], *, caption: str) -> str:
    """Return a table whose first cells name their rows."""
    top = "".join(
        f'<th scope="col"{" class=first" if not k else ""}>{escape(text)}</th>' for k, text in enumerate(head)
    )
    lines = "".join(f"<tr>{_cells(list(cells))}</tr>" for cells in rows)
    said = f"<caption><span>{escape(caption)}</span></caption>"
    return f'<div class="wide"><table>{said}<thead><tr>{top}</tr></thead><tbody>{lines}</tbody></table></div>'


def _cells(cells: list[str]) -> str:
    others = "".join(f"<td>{escape(text)}</td>" for text in cells[1:])
    return f'<th scope="row" class="first">{escape(cells[0])}</th>{others}'


def overlay(face: UInt8Image, probability: NDArray[np.floating[Any]], least: float) -> UInt8Image:
    """Return a face ``(S, S, 3)``, tinted where the probability of an occluder, ``(S, S)``, is above ``least``."""
    colour = 255 * np.array(OCCLUDER_COLOUR, np.float32)
    share = TINT * (probability > least)[..., None]
    return np.asarray(((1 - share) * face + share * colour).round(), np.uint8)


def one_in(rate: float) -> str:
    """Return a rate in words.

    Example:
        >>> one_in(0.01), one_in(0.001), one_in(0.0)
        ('1 in 100', '1 in 1,000', 'none')
    """
    return "none" if rate == 0 else f"1 in {round(1 / rate):,}"
