"""The list in which MFR2 tells which of its images show a mask."""

from collections.abc import Sequence
from pathlib import Path

from datamodules.errors import DataError
from datamodules.protocols.worn import MASKED, UNMASKED

_WITHOUT = ("no-mask", "no_mask", "nomask", "unmasked")
_SHOWN = 20
_MAX_DIGITS = 9


def read_labels(path: Path) -> dict[str, str]:
    """Return of each image, ``Name/Name_0001``, whether its face is masked or unmasked.

    Lines are ``name, number, what is worn``; ``no-mask`` is an unmasked face. Empty lines are passed over.

    Raises:
        DataError: With the line, if the file cannot be read, a line is malformed, an image has two labels, or there is
            none.
    """
    worn: dict[str, str] = {}
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise DataError(f"{path}: expected a list of labels, got {error.strerror}") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: expected a list of labels in UTF-8, got other bytes") from None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        image, kind = _label(f"{path}: line {number}", line)
        if worn.setdefault(image, kind) != kind:
            raise DataError(
                f"{path}: line {number}: expected one label of {image}, got {kind} and before {worn[image]}"
            )
    if not worn:
        raise DataError(f"{path}: expected labels, got none")
    return worn


def _label(where: str, line: str) -> tuple[str, str]:
    fields = [field.strip() for field in line.split(",")]
    well_formed = len(fields) == 3 and all(fields) and fields[1].isascii() and fields[1].isdigit()
    if not well_formed or len(fields[1]) > _MAX_DIGITS or set(fields[0]) & set("/\\\0") or fields[0] in (".", ".."):
        raise DataError(f"{where}: expected `name, number, what is worn`, got {line[:80]!r}")
    name, number, kind = fields
    return f"{name}/{name}_{int(number):04d}", UNMASKED if kind.lower() in _WITHOUT else MASKED


def refuse_unlabelled(path: Path, images: Sequence[str]) -> None:
    """Refuse images that are compared and have no label.

    Raises:
        DataError: With the first 20 of them, if there are any.
    """
    if images:
        more = f" and {len(images) - _SHOWN} more" if len(images) > _SHOWN else ""
        shown = ", ".join(images[:_SHOWN])
        raise DataError(
            f"{path}: expected a label of each image that is compared, got none of {len(images)}: {shown}{more}"
        )
