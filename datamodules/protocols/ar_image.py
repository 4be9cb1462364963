"""What the AR face database tells in a file's name, and its raw images."""

import re
from dataclasses import dataclass

import numpy as np

from datamodules.errors import DataError
from datamodules.seams.face_source import UInt8Image
from datamodules.sources.decode import decode_image

_NAME = re.compile(r"([mw])[-_]([0-9]{1,3})[-_]([0-9]{1,2})", re.IGNORECASE)
_SHOTS = (
    ("neutral", "plain"),
    *(("expression", "plain"),) * 3,
    *(("illumination", light) for light in ("left", "right", "both")),
    *(("sunglasses", light) for light in ("plain", "left", "right")),
    *(("scarf", light) for light in ("plain", "left", "right")),
)
_HEIGHT, _WIDTH = 576, 768


@dataclass(frozen=True, order=True)
class ARImage:
    """An image of the AR database.

    Attributes:
        subject: ``m-001`` (man) or ``w-001`` (woman).
        code: 1 to 13 in session 1, 14 to 26 in session 2.

    Raises:
        ValueError: If ``code`` is another one.

    Example:
        >>> image = ARImage("m-001", 22)
        >>> image.session, image.kind, image.light
        (2, 'sunglasses', 'left')
    """

    subject: str
    code: int

    def __post_init__(self) -> None:
        if not 1 <= self.code <= 2 * len(_SHOTS):
            raise ValueError(f"Expected `code` to be one of AR's, 1 to {2 * len(_SHOTS)}, got {self.code}")

    @property
    def session(self) -> int:
        """1 or 2."""
        return 1 + (self.code - 1) // len(_SHOTS)

    @property
    def kind(self) -> str:
        """``neutral``, ``expression``, ``illumination``, ``sunglasses`` or ``scarf``."""
        return _SHOTS[(self.code - 1) % len(_SHOTS)][0]

    @property
    def light(self) -> str:
        """Extra light: ``plain`` (none), ``left``, ``right`` or ``both``."""
        return _SHOTS[(self.code - 1) % len(_SHOTS)][1]


def parse_ar_name(stem: str) -> ARImage | None:
    """Read a file name without its extension, in upper or lower case; ``None`` if it is none of AR's.

    Raises:
        ValueError: If it is one, with a code that AR does not have.

    Example:
        >>> parse_ar_name("W-050-26")
        ARImage(subject='w-050', code=26)
    """
    match = _NAME.fullmatch(stem)
    return match and ARImage(f"{match[1].lower()}-{int(match[2]):03d}", int(match[3]))


def decode_ar(data: bytes, *, name: str) -> UInt8Image:
    """Decode an image file, or one of AR's ``.raw`` files: a plane each of R, G and B, row by row, 768 × 576.

    Returns:
        RGB image, ``(H, W, 3)``.

    Raises:
        DataError: If it is damaged, or a raw file of another size.
    """
    if not name.lower().endswith(".raw"):
        return decode_image(data, name=name)
    if len(data) != 3 * _HEIGHT * _WIDTH:
        raise DataError(f"{name}: expected {3 * _HEIGHT * _WIDTH} bytes, 768 × 576 in 3 planes, got {len(data)}")
    planes = np.frombuffer(data, dtype=np.uint8).reshape(3, _HEIGHT, _WIDTH)
    return planes.transpose(1, 2, 0).copy()  # (H, W, 3)
