"""Whom a sample of a shard shows, as its ``.cls`` or ``.json`` says."""

import json
from collections.abc import Callable, Mapping

from datamodules.errors import DataError

Label = int | str
"""A number, or a name."""
Files = Mapping[str, Callable[[], bytes]]
"""What reads each file of a sample, by its ending."""

_FIELDS = ("label", "identity")
LONGEST = 1 << 20
"""Bytes of a label file."""


def label_of(where: str, files: Files, field: str | None = None) -> Label:
    """Return a sample's label.

    Args:
        where: What names the sample in a message.
        files: Its files.
        field: Field of its ``.json``; ``None`` takes ``.cls``, or where there is none the field ``label`` or
            ``identity``.

    Raises:
        DataError: If it has none, or one that is neither a whole number nor a name.

    Example:
        >>> label_of("a.tar: 1", {"cls": lambda: b"7"}), label_of("a.tar: 1", {"json": lambda: b'{"identity": "Ada"}'})
        (7, 'Ada')
    """
    if field is None and "cls" in files:
        return _class(where, files["cls"]())
    if "json" not in files:
        wanted = "a .cls or .json" if field is None else "a .json"
        raise DataError(f"{where}: expected {wanted} that says whom it shows, got {', '.join(sorted(files))}")
    said = _fields(where, files["json"]())
    names = _FIELDS if field is None else (field,)
    label = next((said[name] for name in names if name in said), None)
    if isinstance(label, bool) or not isinstance(label, int | str) or label == "":
        raise DataError(f"{where}.json: expected {' or '.join(names)}, a whole number or a name, got {label!r}")
    return label


def _class(where: str, data: bytes) -> int:
    text = data[:40].decode(errors="replace").strip()
    if not text.removeprefix("-").isdecimal() or len(data) > 40:
        raise DataError(f"{where}.cls: expected a whole number, got {text!r}")
    return int(text)


def _fields(where: str, data: bytes) -> Mapping[str, object]:
    try:
        said = json.loads(data) if len(data) <= LONGEST else None
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise DataError(f"{where}.json: expected fields in JSON, got {data[:40]!r}")
    return said
