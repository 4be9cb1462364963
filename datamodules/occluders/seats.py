"""Where kinds of occluders sit on a face: the part of the canonical face that each is laid on."""

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

from datamodules.occluders.anchors import EYES_AND_NOSE, LANDMARK_NAMES, Fit

Hold = Literal["fill", "top", "middle", "bottom", "inside"]


class Seat(NamedTuple):
    """A part of the face, and how an image is laid on it."""

    box: tuple[float, float, float, float]
    """Left, top, right, bottom in face units: the eyes lie at (−40, 0) and (40, 0), the mouth at (0, 89)."""
    hold: Hold
    """``fill``: stretched onto the box. Others keep the image's shape: as wide as the box, and at its ``top``,
    ``middle`` or ``bottom``; ``inside``: as large as the box holds, in its middle."""
    anchors: tuple[str, ...] = LANDMARK_NAMES
    """Landmarks that the image is to follow."""
    words: tuple[str, ...] = ()
    """What names of files, folders and categories hold that sit like this."""

    @property
    def fit(self) -> Fit:
        """How the image follows them: what is stretched onto a face is stretched with it."""
        return "affine" if self.hold == "fill" else "similarity"


SEATS: Mapping[str, Seat] = {
    "sunglasses": Seat((-76, -27, 76, 32), "middle", EYES_AND_NOSE, ("glasses", "spectacle", "goggle")),
    "party_mask": Seat((-98, -62, 98, 40), "bottom", EYES_AND_NOSE, ("party", "eye_mask", "carnival")),
    "mask": Seat(
        (-88, 18, 88, 157),
        "fill",
        words=("mask", "surgical", "cloth", "respirator", "gas", "n95", "kn95", "ffp", "ffp1", "ffp2", "ffp3"),
    ),
    "scarf": Seat((-120, 38, 120, 260), "top", words=("scarf", "shawl", "bandana")),
    "cap": Seat((-96, -190, 96, -46), "bottom", ("left_eye", "right_eye"), ("cap", "hat", "helmet", "beanie")),
    "cup": Seat((-50, 66, 50, 184), "inside", words=("cup", "mug", "glass", "bottle", "can")),
    "hand": Seat((-64, 24, 64, 176), "inside", words=("hand", "finger", "palm")),
    "microphone": Seat((-34, 76, 34, 200), "inside", words=("microphone", "mic")),
    "object": Seat((-56, 36, 56, 148), "inside", words=("object", "food", "phone", "book", "fruit")),
}
"""Seats by kind, those first that others' words occur in: a party mask is named as a mask, too. Where the suite draws a
kind, its box is the mean of that of twenty drawn ones; others are chosen by eye."""

_LONG = 4


def kind_of(name: str) -> str | None:
    """Return the kind that a category, file or folder is named as, or ``None`` if it tells none.

    Words of four letters and more may be part of others; shorter ones stand alone, with or without an s.

    Example:
        >>> kind_of("KN95_left"), kind_of("Ray-Ban sunglasses"), kind_of("American 0042")
        ('mask', 'sunglasses', None)
    """
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    if plain in SEATS:
        return plain
    parts = {part.removesuffix("s") for part in plain.split("_")}
    return next((kind for kind, seat in SEATS.items() if any(_holds(plain, parts, word) for word in seat.words)), None)


def _holds(plain: str, parts: set[str], word: str) -> bool:
    return word in (plain if len(word) >= _LONG else parts)
