"""Names of the conditions that faces are evaluated under."""

from collections.abc import Iterable

CLEAN = "none"
"""Faces without an occluder."""
REAL = "real"
"""Faces that something covered when they were photographed, where nobody says what."""
AGGREGATES = ("clean", "occluded", "mean", "false_alarm")
"""What measures over several conditions, or over pixels, are called in their place."""


def check_conditions(names: Iterable[str]) -> None:
    """Refuse names of conditions that measures, tables or files could not tell from others.

    Raises:
        ValueError: If one is empty, that of the clean faces, that of an aggregate, or holds a slash or line break.

    Example:
        >>> check_conditions(["scarf", "mean"])
        Traceback (most recent call last):
        ValueError: Expected conditions named other than none, clean, occluded, mean, false_alarm, got 'mean'
    """
    for name in names:
        if name in (CLEAN, *AGGREGATES):
            raise ValueError(f"Expected conditions named other than {', '.join((CLEAN, *AGGREGATES))}, got {name!r}")
        if not name.strip() or not name.isprintable() or set(name) & set("/\\"):
            raise ValueError(f"Expected conditions named by printable text without slashes, got {name!r}")
